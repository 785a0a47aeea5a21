"""Generated rows in the kinds of tables that only PostgreSQL has."""

from pathlib import Path

from postgres_kit import SiteMaker
from servers import PostgresDatabase

SCHEMA = """\
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TYPE pair AS (x int, y int);
CREATE TYPE spans AS RANGE (subtype = time);
CREATE DOMAIN positive AS int CHECK (VALUE > 10) NOT NULL;
CREATE DOMAIN email AS text CHECK (VALUE ~ '^[^@]+@[^@]+$');
CREATE TABLE users (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email email UNIQUE, age positive,
    mood mood DEFAULT 'ok', ratio numeric(3, 2) NOT NULL, tags text[] NOT NULL,
    meta jsonb NOT NULL, full_mood text GENERATED ALWAYS AS (meta::text || 'x') STORED,
    manager bigint REFERENCES users);
CREATE TABLE posts (
    id serial PRIMARY KEY, author bigint NOT NULL REFERENCES users, status text NOT NULL
    CHECK (status IN ('draft', 'published')), published_at timestamptz,
    CHECK ((status = 'published') = (published_at IS NOT NULL)),
    code char(3) NOT NULL CHECK (code ~ '^[A-Z]{3}$'));
CREATE TABLE measures (at date NOT NULL, v float) PARTITION BY RANGE (at);
CREATE TABLE measures_23 PARTITION OF measures FOR VALUES FROM ('2023-01-01') TO ('2023-06-01');
CREATE TABLE listed (k text, n int) PARTITION BY LIST (k);
CREATE TABLE listed_a PARTITION OF listed FOR VALUES IN ('eu', 'us');
CREATE TABLE hashed (k int) PARTITION BY HASH (k);
CREATE TABLE hashed_b PARTITION OF hashed FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE a (id int PRIMARY KEY, b int);
CREATE TABLE b (id int PRIMARY KEY, a int NOT NULL REFERENCES a);
ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES b;
CREATE TABLE booked (room int NOT NULL, span int4range NOT NULL, EXCLUDE USING gist (span WITH &&));
CREATE TABLE either (a int, b int, CHECK (num_nonnulls(a, b) = 1));
CREATE TABLE nothing ();
CREATE TABLE kinds (
    p pair NOT NULL, s spans NOT NULL, i interval NOT NULL, u uuid NOT NULL, y bytea NOT NULL,
    n inet NOT NULL, c cidr NOT NULL, m macaddr NOT NULL, b bit(3) NOT NULL, t time NOT NULL,
    z timetz NOT NULL, g point NOT NULL, d double precision NOT NULL, w money NOT NULL,
    v tsvector NOT NULL, l pg_lsn NOT NULL, x varbit NOT NULL, o oid NOT NULL, q "char" NOT NULL,
    mr int4multirange NOT NULL, tr tstzrange NOT NULL, nm name NOT NULL, ts timestamp(3) NOT NULL);
CREATE TABLE never (n int NOT NULL CHECK (n > 5 AND n < 3));
CREATE TABLE guarded (n int);
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'not on a Monday'; END $$;
CREATE TRIGGER refuse BEFORE INSERT ON guarded FOR EACH ROW EXECUTE FUNCTION refuse();
"""


def test_every_kind_of_table_that_can_hold_rows_is_given_some(
    every_postgres: PostgresDatabase, tmp_path: Path
) -> None:
    site = SiteMaker(tmp_path)(every_postgres, {"001_schema": SCHEMA})
    site.up()
    with site.project().engine() as engine:
        left = {each.table: each.reason for each in engine.fill()}
        assert left.keys() == {"never", "guarded"}
        assert "not on a Monday" in left["guarded"]
        assert "never_n_check" in left["never"]
        found = engine.contents().tables
        assert {name for name, table in found.items() if not table.rows} == left.keys()
        # Again, with rows that are there: keys refuse, and nothing fails.
        again = {each.table for each in engine.fill()}
    assert again >= left.keys()
    assert site.value("SELECT is_called FROM posts_id_seq") is False
