CREATE SEQUENCE s;
--> sequence s: not expected
ALTER SEQUENCE s AS integer INCREMENT BY 5 MINVALUE 0 MAXVALUE 1000 START WITH 10 CACHE 7 CYCLE;
--> sequence s: type bigint → integer
--> sequence s: increment none → 5
--> sequence s: minimum none → 0
--> sequence s: maximum none → 1000
--> sequence s: start none → 10
--> sequence s: cache none → 7
--> sequence s: cycle no → yes
CREATE TABLE t (id integer);
ALTER SEQUENCE s OWNED BY t.id;
--> sequence s: owned by none → public.t.id
--> table t: not expected
ALTER SEQUENCE s RENAME TO r;
--> sequence r: not expected
--> sequence s: missing
DROP TABLE t;
--> sequence r: missing
--> table t: missing
