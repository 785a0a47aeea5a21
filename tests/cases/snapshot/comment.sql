CREATE TABLE t (id integer);
--> table t: not expected
COMMENT ON TABLE t IS 'one';
COMMENT ON COLUMN t.id IS E'two\nlines';
COMMENT ON SCHEMA public IS 'ours';
--> schema public: comment standard public schema → ours
--> table t: comment none → one
--> column t.id: comment changed
COMMENT ON TABLE t IS 'three';
--> table t: comment one → three
COMMENT ON TABLE t IS NULL;
COMMENT ON SCHEMA public IS 'standard public schema';
--> schema public: comment ours → standard public schema
--> table t: comment three → none
DROP TABLE t;
--> table t: missing
