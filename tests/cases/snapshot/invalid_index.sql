CREATE TABLE t (id integer);
INSERT INTO t VALUES (1), (1);
--> table t: not expected
CREATE INDEX i ON t (id);
--> index i: not expected
UPDATE pg_catalog.pg_index SET indisvalid = false WHERE indexrelid = 'i'::regclass;
--> index i: valid yes → no
DROP TABLE t;
--> table t: missing
