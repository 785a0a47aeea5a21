CREATE TABLE t (id integer, name text);
CREATE VIEW v AS SELECT id FROM t;
--> table t: not expected
--> view v: not expected
CREATE OR REPLACE VIEW v AS SELECT id, name FROM t WHERE id > 3;
--> view v: definition changed
--> column v.name: not expected
ALTER VIEW v SET (security_barrier = true, check_option = local);
--> view v: options none → check_option=local, security_barrier=true
ALTER VIEW v ALTER id SET DEFAULT 7;
COMMENT ON COLUMN v.id IS 'seven';
--> column v.id: default none → 7
--> column v.id: comment none → seven
ALTER VIEW v RENAME TO w;
--> view v: missing
--> view w: not expected
DROP VIEW w;
CREATE RECURSIVE VIEW w (n) AS SELECT 1 UNION ALL SELECT n + 1 FROM w WHERE n < 9;
--> view w: options check_option=local, security_barrier=true → none
--> view w: definition changed
--> column w.id: missing
--> column w.n: not expected
--> column w.name: missing
DROP VIEW w;
DROP TABLE t;
--> table t: missing
--> view w: missing
