CREATE TYPE mood AS ENUM ('sad', 'happy');
--> type mood: not expected
ALTER TYPE mood ADD VALUE 'it''s ok' AFTER 'sad';
--> type mood: labels 'sad', 'happy' → 'sad', 'it''s ok', 'happy'
ALTER TYPE mood RENAME VALUE 'happy' TO 'glad';
--> type mood: labels 'sad', 'it''s ok', 'happy' → 'sad', 'it''s ok', 'glad'
CREATE TABLE t (m mood[] DEFAULT '{sad}');
--> table t: not expected
DROP TABLE t;
DROP TYPE mood;
--> type mood: missing
--> table t: missing
