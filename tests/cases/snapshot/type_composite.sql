CREATE TYPE pair AS (a integer, b text COLLATE "C");
--> type pair: not expected
ALTER TYPE pair ADD ATTRIBUTE c numeric(3, 1), ALTER ATTRIBUTE a TYPE bigint;
--> type pair: attributes a integer, b text COLLATE "C" → a bigint, b text COLLATE "C", c numeric(3,1)
COMMENT ON COLUMN pair.a IS 'first';
--> type pair: comment on a none → first
CREATE TABLE t OF pair;
--> table t: not expected
DROP TABLE t;
DROP TYPE pair;
--> type pair: missing
--> table t: missing
