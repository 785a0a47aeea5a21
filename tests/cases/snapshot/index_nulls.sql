-- since: 15
CREATE TABLE t (id integer);
CREATE UNIQUE INDEX i ON t (id);
--> table t: not expected
DROP INDEX i;
CREATE UNIQUE INDEX i ON t (id) NULLS NOT DISTINCT;
--> index i: definition CREATE UNIQUE INDEX i ON public.t USING btree (id) → CREATE UNIQUE INDEX i ON public.t USING btree (id) NULLS NOT DISTINCT
DROP TABLE t;
--> table t: missing
