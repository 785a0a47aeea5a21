CREATE OPERATOR FAMILY ints USING btree;
--> operator family ints using btree: not expected
CREATE OPERATOR CLASS turned FOR TYPE integer USING btree FAMILY ints AS
    OPERATOR 1 >, OPERATOR 3 =, OPERATOR 5 <, FUNCTION 1 btint4cmp(integer, integer);
--> operator class turned using btree: not expected
ALTER OPERATOR FAMILY ints USING btree ADD OPERATOR 1 > (integer, bigint),
    FUNCTION 1 (integer, bigint) btint48cmp(integer, bigint);
--> operator family ints using btree: members none → function 1 (integer, bigint) btint48cmp(integer,bigint); operator 1 >(integer,bigint)
CREATE TABLE t (id integer);
CREATE INDEX i ON t (id turned);
--> table t: not expected
DROP TABLE t;
DROP OPERATOR CLASS turned USING btree;
--> operator class turned using btree: missing
--> table t: missing
DROP OPERATOR FAMILY ints USING btree;
--> operator family ints using btree: missing
