CREATE TABLE t (a integer, b integer);
CREATE STATISTICS st (ndistinct, dependencies) ON a, b FROM t;
--> table t: not expected
ALTER STATISTICS st SET STATISTICS 50;
--> statistics st: target none → 50
ALTER STATISTICS st RENAME TO st2;
--> statistics st: missing
--> statistics st2: not expected
DROP STATISTICS st2;
--> statistics st2: missing
DROP TABLE t;
--> table t: missing
