CREATE TABLE t (id integer, name text);
--> table t: not expected
ALTER TABLE t SET UNLOGGED;
--> table t: unlogged no → yes
ALTER TABLE t OWNER TO reader;
--> table t: owner none → reader
ALTER TABLE t SET (fillfactor = 70, toast.autovacuum_enabled = false);
--> table t: options none → fillfactor=70, toast.autovacuum_enabled=false
ALTER TABLE t RESET (fillfactor, toast.autovacuum_enabled);
ALTER TABLE t SET (fillfactor = 100);
--> table t: options fillfactor=70, toast.autovacuum_enabled=false → fillfactor=100
ALTER TABLE t RESET (fillfactor);
ALTER TABLE t REPLICA IDENTITY FULL;
--> table t: options fillfactor=100 → none (wording only)
--> table t: replica identity none → full
ALTER TABLE t RENAME TO "T";
--> table "T": not expected
--> table t: missing
DROP TABLE "T";
CREATE TABLE "T" ();
--> table "T": owner reader → none
--> table "T": unlogged yes → no
--> table "T": replica identity full → none
--> column "T".id: missing
--> column "T".name: missing
DROP TABLE "T";
--> table "T": missing
