"""COPY … FROM stdin with its rows, and whole dumps, as migration files."""

import subprocess
from pathlib import Path

import pytest

from banister.engines.embedded import find_binaries
from banister.errors import Severity
from postgres_kit import Site
from servers import PostgresDatabase, Servers


@pytest.fixture
def site(postgres: PostgresDatabase, tmp_path: Path) -> Site:
    return Site(database=postgres, root=tmp_path)


TABLE = "CREATE TABLE t (a int, b text);\n"


@pytest.mark.parametrize(
    ("copy", "expected"),
    [
        ("COPY t FROM stdin;\n1\tone\n2\t\\N\n3\t\n\\.\n", [(1, "one"), (2, None), (3, "")]),
        ("COPY t FROM stdin;\r\n1\tone\r\n2\ttwo\r\n\\.\r\n", [(1, "one"), (2, "two")]),
        ("COPY t FROM stdin;\n\\.\n", []),
        ("COPY t FROM stdin;\n1\tone", [(1, "one")]),
        ("COPY t FROM stdin;\n1\tone\n", [(1, "one")]),
        ("COPY t FROM stdin;", []),
        (
            'COPY t FROM stdin WITH (FORMAT csv, HEADER);\na,b\n1,"x;\n\'y"\n2,\n\\.\n',
            [(1, "x;\n'y"), (2, None)],
        ),
        (
            "COPY t FROM stdin;\n1\t-- $$ ; /* ' \\\\N %s é🙂\n\\.\n",
            [(1, "-- $$ ; /* ' \\N %s é🙂")],
        ),
        (
            "COPY t FROM stdin;\n1\ta\n\\.\nCOPY t FROM stdin;\n2\tb\n\\.\nINSERT INTO t VALUES(3)",
            [(1, "a"), (2, "b"), (3, None)],
        ),
    ],
)
def test_rows_are_copied_as_they_stand(
    site: Site, copy: str, expected: list[tuple[int, str | None]]
) -> None:
    site.write({"001_rows": TABLE + copy, "002_more": "CREATE TABLE more (id int);"})
    site.up()
    assert site.rows("SELECT a, b FROM t ORDER BY a") == expected
    assert site.applied() == ["001", "002"]


def test_many_rows_are_streamed(site: Site) -> None:
    rows = "".join(f"{number}\té{number}\n" for number in range(100_000))
    site.write({"001_rows": f"{TABLE}COPY t FROM stdin;\n{rows}\\.\n"})
    site.up()
    assert site.rows("SELECT count(*), max(b) FROM t") == [(100_000, "é99999")]


def test_rows_are_copied_outside_a_transaction_too(site: Site) -> None:
    rows = f"{TABLE}COPY t FROM stdin;\n1\ta\n\\.\n"
    site.write({"001_rows": f"-- banister: transaction=off\n{rows}VACUUM t;"})
    site.up()
    assert site.rows("SELECT a, b FROM t") == [(1, "a")]


_SAMPLE = """
CREATE TYPE mood AS ENUM ('low', 'high;');
CREATE TABLE people (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL,
    mood mood DEFAULT 'low', doc jsonb, CHECK (name <> ''));
INSERT INTO people (name, doc) SELECT 'n' || g || E'\\t\\n\\\\ ü', '{"a;": 1}'
    FROM generate_series(1, 50) g;
CREATE INDEX people_name ON people (lower(name));
CREATE TABLE notes (person bigint REFERENCES people, body text);
INSERT INTO notes SELECT id, NULL FROM people;
CREATE FUNCTION shout(v text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN RETURN upper(v) || ';'; END $$;
CREATE PROCEDURE put(v text) LANGUAGE sql BEGIN ATOMIC INSERT INTO people (name) VALUES (v); END;
CREATE VIEW loud AS SELECT shout(name) AS name FROM people;
CREATE TRIGGER nothing BEFORE UPDATE ON people FOR EACH ROW EXECUTE FUNCTION
    suppress_redundant_updates_trigger();
COMMENT ON TABLE people IS 'it''s; here';
"""


def pg_dump(major: int) -> Path:
    """Return pg_dump of a major, or skip the test."""
    if major == 18:
        beside = find_binaries().bin_dir / "pg_dump"
    else:
        beside = Path(f"/usr/lib/postgresql/{major}/bin/pg_dump")
    if not beside.is_file():
        pytest.skip(f"no pg_dump {major}: {beside} is not there")
    return beside


@pytest.mark.parametrize("major", [15, 18])
def test_a_plain_dump_is_a_migration(servers: Servers, tmp_path: Path, major: int) -> None:
    program = pg_dump(major)
    options = [str(program), "--no-owner", "--no-privileges", "--exclude-table=schema_migrations*"]
    with servers.database(major) as source, servers.database(major) as target:
        source.execute(_SAMPLE)
        dump = subprocess.run([*options, source.url], capture_output=True, check=True).stdout
        assert b"COPY public.people" in dump
        site = Site(database=target, root=tmp_path)
        site.write({"001_dump": dump, "002_next": "ALTER TABLE people ADD COLUMN more int;"})
        plan = site.project().plan().plan
        assert [finding for finding in plan.findings if finding.severity is Severity.ERROR] == []
        site.project().up(to="001")
        again = subprocess.run([*options, target.url], capture_output=True, check=True).stdout
        assert without_key(again) == without_key(dump)
        site.up()
        assert site.applied() == ["001", "002"]


def without_key(dump: bytes) -> list[bytes]:
    """The key behind \\restrict is another one in each dump."""
    return [line for line in dump.splitlines() if b"restrict " not in line]
