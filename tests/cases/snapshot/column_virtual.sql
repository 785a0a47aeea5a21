-- since: 18
CREATE TABLE t (a int, b int GENERATED ALWAYS AS (a * 2) VIRTUAL);
--> table t: not expected
ALTER TABLE t ALTER b SET EXPRESSION AS (a * 3);
--> column t.b: generated (a * 2) virtual → (a * 3) virtual
DROP TABLE t;
--> table t: missing
