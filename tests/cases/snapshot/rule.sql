CREATE TABLE t (id integer);
CREATE RULE r AS ON INSERT TO t DO ALSO NOTIFY t;
--> table t: not expected
CREATE OR REPLACE RULE r AS ON INSERT TO t WHERE NEW.id > 3 DO INSTEAD NOTHING;
--> rule r on t: definition changed
ALTER TABLE t DISABLE RULE r;
--> rule r on t: enabled yes → no
DROP RULE r ON t;
--> rule r on t: missing
DROP TABLE t;
--> table t: missing
