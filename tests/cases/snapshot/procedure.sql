CREATE PROCEDURE p(a integer) LANGUAGE plpgsql AS 'BEGIN COMMIT; END';
--> procedure p(integer): not expected
CREATE OR REPLACE PROCEDURE p(a integer) LANGUAGE plpgsql SET work_mem = '8MB' AS 'BEGIN ROLLBACK; END';
--> procedure p(integer): body BEGIN COMMIT; END → BEGIN ROLLBACK; END
--> procedure p(integer): settings none → work_mem=8MB
DROP PROCEDURE p;
--> procedure p(integer): missing
