-- since: 15
CREATE SCHEMA app;
CREATE TABLE t (id integer PRIMARY KEY, x integer);
CREATE PUBLICATION p FOR TABLE t (id) WHERE (id > 3);
--> schema app: not expected
--> table t: not expected
--> publication p: not expected
ALTER PUBLICATION p SET TABLE t WHERE (id > 4);
--> publication p: tables public.t (id) where (id > 3) → public.t where (id > 4)
ALTER PUBLICATION p ADD TABLES IN SCHEMA app;
--> publication p: schemas none → app
DROP PUBLICATION p;
DROP TABLE t;
DROP SCHEMA app;
--> schema app: missing
--> table t: missing
--> publication p: missing
