CREATE TABLE t (id integer);
CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
--> function f(): not expected
--> table t: not expected
CREATE TRIGGER audit BEFORE UPDATE OF id ON t FOR EACH ROW WHEN (NEW.id > 3) EXECUTE FUNCTION f('x');
--> trigger audit on t: not expected
ALTER TABLE t DISABLE TRIGGER audit;
--> trigger audit on t: enabled yes → no
ALTER TABLE t ENABLE ALWAYS TRIGGER audit;
--> trigger audit on t: enabled no → always
ALTER TRIGGER audit ON t RENAME TO checked;
--> trigger audit on t: missing
--> trigger checked on t: not expected
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION f();
--> trigger late on t: not expected
DROP TRIGGER late ON t;
DROP TRIGGER checked ON t;
--> trigger checked on t: missing
--> trigger late on t: missing
DROP TABLE t;
DROP FUNCTION f();
--> function f(): missing
--> table t: missing
