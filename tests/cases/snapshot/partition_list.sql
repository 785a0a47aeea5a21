CREATE TABLE l (k text, n integer) PARTITION BY LIST (lower(k));
CREATE TABLE l1 PARTITION OF l FOR VALUES IN ('a', NULL) PARTITION BY HASH (n);
CREATE TABLE l2 PARTITION OF l DEFAULT;
CREATE TABLE l11 PARTITION OF l1 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
--> table l: not expected
--> table l1: not expected
--> table l11: not expected
--> table l2: not expected
CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER t AFTER INSERT ON l FOR EACH ROW EXECUTE FUNCTION f();
--> function f(): not expected
--> trigger t on l: not expected
ALTER TABLE l2 DISABLE TRIGGER t;
--> trigger t on l2: not expected
DROP TABLE l;
DROP FUNCTION f();
--> function f(): missing
--> table l: missing
--> table l1: missing
--> table l11: missing
--> table l2: missing
