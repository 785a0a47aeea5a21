CREATE TABLE t (id integer, who name);
--> table t: not expected
ALTER TABLE t ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON t FOR SELECT TO reader USING (who = CURRENT_USER);
--> table t: row security none → enabled
--> policy own on t: not expected
ALTER POLICY own ON t TO PUBLIC USING (who <> '');
--> policy own on t: roles reader → none
--> policy own on t: using (who = CURRENT_USER) → (who <> ''::name)
ALTER TABLE t FORCE ROW LEVEL SECURITY;
--> table t: row security enabled → enabled, forced
DROP POLICY own ON t;
CREATE POLICY own ON t AS RESTRICTIVE FOR UPDATE USING (true) WITH CHECK (id > 0);
--> policy own on t: command select → update
--> policy own on t: using (who <> ''::name) → true
--> policy own on t: restrictive no → yes
--> policy own on t: with check none → (id > 0)
ALTER TABLE t DISABLE ROW LEVEL SECURITY;
--> table t: row security enabled, forced → disabled, forced
DROP TABLE t;
--> table t: missing
