CREATE TABLE t (id integer, name text, at timestamptz);
CREATE INDEX rebalance_events_time_idx ON t (at);
--> table t: not expected
DROP INDEX rebalance_events_time_idx;
--> index rebalance_events_time_idx: missing
CREATE UNIQUE INDEX i ON t (lower(name) DESC, id) INCLUDE (at) WHERE id > 0;
--> index i: not expected
ALTER INDEX i SET (fillfactor = 70);
--> index i: options none → fillfactor=70
ALTER INDEX i ALTER COLUMN 1 SET STATISTICS 100;
--> index i: statistics targets none → 1=100
ALTER INDEX i RENAME TO j;
--> index i: missing
--> index j: not expected
DROP INDEX j;
CREATE INDEX j ON t USING hash (name);
--> index j: definition CREATE UNIQUE INDEX j ON public.t USING btree (lower(name) DESC, id) INCLUDE (at) WHERE (id > 0) → CREATE INDEX j ON public.t USING hash (name)
--> index j: options fillfactor=70 → none
--> index j: statistics targets 1=100 → none
ALTER TABLE t ALTER id SET NOT NULL;
CREATE UNIQUE INDEX u ON t (id);
ALTER TABLE t REPLICA IDENTITY USING INDEX u, CLUSTER ON u;
--> table t: replica identity none → index u
--> table t: clustered on none → u
--> column t.id: not null no → yes
--> index u: not expected
DROP TABLE t;
--> table t: missing
