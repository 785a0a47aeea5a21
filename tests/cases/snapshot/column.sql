CREATE TABLE t (id integer, name text);
--> table t: not expected
ALTER TABLE t ADD COLUMN total numeric(10, 2) DEFAULT 0 NOT NULL;
--> column t.total: not expected
ALTER TABLE t ALTER total TYPE integer, ALTER total DROP NOT NULL;
--> column t.total: type numeric(10,2) → integer
--> column t.total: not null yes → no
ALTER TABLE t ALTER total DROP DEFAULT, ALTER name TYPE text COLLATE "C";
--> column t.name: collation none → "C"
--> column t.total: default 0 → none
ALTER TABLE t ALTER name SET STORAGE EXTERNAL, ALTER name SET COMPRESSION pglz;
--> column t.name: storage none → external
--> column t.name: compression none → pglz
ALTER TABLE t ALTER name SET STATISTICS 500, ALTER id SET (n_distinct = -0.5);
--> column t.id: options none → n_distinct=-0.5
--> column t.name: statistics target none → 500
ALTER TABLE t ALTER name SET STORAGE EXTENDED, ALTER name SET COMPRESSION default,
    ALTER name SET STATISTICS -1, ALTER id RESET (n_distinct), ALTER name TYPE text;
--> column t.id: options n_distinct=-0.5 → none
--> column t.name: collation "C" → none
--> column t.name: storage external → none
--> column t.name: compression pglz → none
--> column t.name: statistics target 500 → none
ALTER TABLE t DROP total;
ALTER TABLE t ADD total numeric(10, 2) DEFAULT 0 NOT NULL, ADD "Long Name" timestamptz[] DEFAULT ARRAY[now()];
--> column t."Long Name": not expected
--> column t.total: type integer → numeric(10,2)
--> column t.total: not null no → yes
--> column t.total: default none → 0
ALTER TABLE t RENAME "Long Name" TO short;
--> column t."Long Name": missing
--> column t.short: not expected
DROP TABLE t;
--> table t: missing
