CREATE SCHEMA "odd ""schema""";
CREATE TYPE mood AS ENUM ('glad', 'sad');
CREATE DOMAIN short AS text CHECK (length(VALUE) < 50);
CREATE TABLE users (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name short, feeling mood, raw bytea,
    tags text[], long text GENERATED ALWAYS AS (name || '!') STORED
);
INSERT INTO users (name, feeling, raw, tags)
SELECT 'u' || i, 'glad', decode('005c0a', 'hex'), ARRAY['a,b', NULL, '"', '\'] FROM generate_series(1, 50) AS i;
INSERT INTO users (name) VALUES
    (E'\\.'), (E'a\n\\.\nb'), (E'\t\\N\r\n'), (NULL), (''), ('\restrict x'), ('ünïcödé 🎈'),
    (E'\nCOPY x (y) FROM stdin;\n'), ('SET transaction_timeout = 0;');
CREATE TABLE "odd ""schema"""."Odd; table" ("a b" int);
CREATE TABLE parted (day date NOT NULL, n int) PARTITION BY RANGE (day);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
INSERT INTO parted VALUES ('2026-01-05', 1), ('2026-01-06', 2);
CREATE TABLE nothing ();
CREATE TABLE parent (a int);
CREATE TABLE child () INHERITS (parent);
INSERT INTO child VALUES (1);
CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS n FROM users;
CREATE FUNCTION tricky() RETURNS text LANGUAGE plpgsql AS $body$
BEGIN
    /*
COPY users (id) FROM stdin;
    */
    RETURN E'
\\.
\\! touch /tmp/never
';
END $body$;
ALTER TABLE users ENABLE ROW LEVEL SECURITY;
CREATE POLICY all_of_them ON users USING (true);
COMMENT ON TABLE users IS E'a comment\n\\! with a command';
SELECT lo_from_bytea(0, '\x0102');
