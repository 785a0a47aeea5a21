"""pg_dump as the judge: two snapshots are the same exactly when what it writes is the same."""

from collections.abc import Iterator
from contextlib import closing
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from banister.snapshot import Snapshot, Weight, compare, parse, render
from servers import MAJORS, PostgresDatabase, Servers
from snapshot_kit import STORIES, dump, make_roles, read_story, snapshot_of

#: Stories of what pg_dump does not tell.
_UNSEEN = frozenset({"invalid_index", "extension_version", "subscription_enabled"})


def same(one: Snapshot, other: Snapshot) -> bool:
    """Whether nothing but the order of columns and the wording differs."""
    return all(found.weight is not Weight.REAL for found in compare(one, other))


def worded(one: Snapshot, other: Snapshot) -> bool:
    """Whether something differs in wording: pg_dump does not know that it means the same."""
    return any(found.weight is Weight.WORDING for found in compare(one, other))


@pytest.fixture(scope="module")
def kept(servers: Servers) -> Iterator[PostgresDatabase]:
    """One database for many schemas: what one leaves behind would be seen in the next."""
    with servers.database(MAJORS[-1]) as database:
        make_roles(database)
        yield database


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_every_kind_of_object_is_told_in_words_and_as_pg_dump_sees_it(
    path: Path, kept: PostgresDatabase
) -> None:
    judged = path.stem not in _UNSEEN
    with closing(kept.connect()) as connection:
        before = snapshot_of(connection)
        states = [(before, dump(kept) if judged else ())]
        for step in read_story(path).steps:
            connection.execute(step.sql.encode())
            now = snapshot_of(connection)
            assert [str(found) for found in compare(before, now)] == list(step.words), step.sql
            assert parse(render(now), "s") == now
            states.append((now, dump(kept) if judged else ()))
            before = now
    assert compare(states[0][0], before) == (), "the story leaves something behind"
    for (one, dumped), (other, dumped_other) in combinations(states, 2) if judged else ():
        if not worded(one, other):
            assert same(one, other) == (dumped == dumped_other)


_BASE = """
    DROP SCHEMA IF EXISTS r CASCADE;
    CREATE SCHEMA r;
    SET search_path = r;
    CREATE TABLE a (id integer, x integer, y text);
    CREATE TABLE b (id integer PRIMARY KEY, a integer, d daterange);
    CREATE FUNCTION tf() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE TYPE mood AS ENUM ('sad', 'ok');
    CREATE SEQUENCE s;
    CREATE DOMAIN short AS text;
"""
#: Of each line at most one is done, and each can be done without the others.
_CHOICES = [
    ["ALTER TABLE a ADD c integer", "ALTER TABLE a ADD c text", "ALTER TABLE a ADD c mood"],
    ["ALTER TABLE a ADD e bigint DEFAULT 7", "ALTER TABLE a ADD e bigint NOT NULL DEFAULT 7"],
    ["ALTER TABLE a ADD f int GENERATED ALWAYS AS IDENTITY", "ALTER TABLE a ADD f serial"],
    ["ALTER TABLE a ADD g int GENERATED ALWAYS AS (id) STORED", "ALTER TABLE a ADD g int"],
    ["ALTER TABLE a ALTER y TYPE varchar(9)", 'ALTER TABLE a ALTER y TYPE text COLLATE "C"'],
    ["ALTER TABLE a ADD PRIMARY KEY (id)", "ALTER TABLE a ADD UNIQUE (id)"],
    ["ALTER TABLE a ADD CHECK (x > 0)", "ALTER TABLE a ADD CHECK (x > 0) NOT VALID"],
    ["ALTER TABLE a ADD FOREIGN KEY (x) REFERENCES b", "ALTER TABLE a ALTER x SET NOT NULL"],
    ["CREATE INDEX i ON a (x)", "CREATE INDEX i ON a (x) WHERE x > 3", "CREATE INDEX i ON a (y)"],
    ["CREATE UNIQUE INDEX u ON b (a)", "CREATE UNIQUE INDEX u ON b (a DESC)"],
    ["ALTER TABLE b ADD EXCLUDE USING gist (d WITH &&)"],
    ["CREATE VIEW v AS SELECT id FROM b", "CREATE VIEW v AS SELECT id FROM b WHERE id > 1"],
    ["CREATE MATERIALIZED VIEW m AS SELECT 1 AS n", "CREATE VIEW m AS SELECT 1 AS n"],
    ["CREATE TRIGGER t BEFORE INSERT ON b FOR EACH ROW EXECUTE FUNCTION tf()"],
    ["CREATE RULE n AS ON INSERT TO b DO NOTIFY x", "CREATE RULE n AS ON DELETE TO b DO NOTIFY x"],
    ["ALTER TABLE b ENABLE ROW LEVEL SECURITY", "ALTER TABLE b FORCE ROW LEVEL SECURITY"],
    ["CREATE POLICY p ON b USING (true)", "CREATE POLICY p ON b TO reader USING (true)"],
    ["GRANT SELECT ON b TO reader", "GRANT ALL ON b TO reader", "REVOKE DELETE ON b FROM postgres"],
    ["GRANT SELECT (id) ON b TO reader", "GRANT UPDATE (id) ON b TO reader"],
    ["REVOKE EXECUTE ON FUNCTION tf FROM PUBLIC", "GRANT EXECUTE ON FUNCTION tf TO reader"],
    ["ALTER TABLE a OWNER TO reader"],
    ["COMMENT ON TABLE b IS 'x'", "COMMENT ON COLUMN b.a IS 'x'", "COMMENT ON TABLE b IS 'y'"],
    ["ALTER TYPE mood ADD VALUE 'up'", "ALTER TYPE mood ADD VALUE 'up' BEFORE 'ok'"],
    ["ALTER SEQUENCE s OWNED BY b.id", "ALTER SEQUENCE s INCREMENT 3", "ALTER SEQUENCE s CYCLE"],
    ["ALTER DOMAIN short SET NOT NULL", "ALTER DOMAIN short ADD CHECK (VALUE <> '')"],
    ["ALTER TABLE b SET (fillfactor = 50)", "ALTER TABLE b REPLICA IDENTITY FULL"],
    ["ALTER TABLE b ALTER a SET STATISTICS 9"],
    ["CREATE FUNCTION f() RETURNS int RETURN 1", "CREATE FUNCTION f(a int) RETURNS int RETURN 1"],
    ["CREATE TABLE k (LIKE b)", "CREATE TABLE k () INHERITS (b)"],
    ["CREATE STATISTICS z ON id, a FROM b", "CREATE STATISTICS z (mcv) ON id, a FROM b"],
]
#: Which choice of which line, in the order in which they are made.
_Schema = list[tuple[int, int]]
_NONE = -1


@st.composite
def _pairs(draw: st.DrawFn) -> tuple[_Schema, _Schema]:
    """Draw two schemas that differ in little or nothing, and the orders in which they are made."""
    some = {line: draw(st.integers(_NONE, len(kinds) - 1)) for line, kinds in enumerate(_CHOICES)}
    changed = draw(st.sets(st.sampled_from(sorted(some)), max_size=2))
    other = {
        line: draw(st.integers(_NONE, len(_CHOICES[line]) - 1)) if line in changed else choice
        for line, choice in some.items()
    }
    first, second = (draw(st.permutations(sorted(each.items()))) for each in (some, other))
    return list(first), list(second)


def _build(database: PostgresDatabase, schema: _Schema) -> tuple[Snapshot, tuple[str, ...]]:
    statements = [_CHOICES[line][choice] for line, choice in schema if choice != _NONE]
    with closing(database.connect()) as connection:
        for statement in [_BASE, *statements]:
            connection.execute(statement.encode())
        return snapshot_of(connection), dump(database)


@pytest.fixture(scope="module")
def random_one(servers: Servers) -> Iterator[PostgresDatabase]:
    """A database for the random schemas alone."""
    with servers.database(MAJORS[-1]) as database:
        make_roles(database)
        yield database


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(pair=_pairs())
def test_any_two_schemas_are_the_same_exactly_when_pg_dump_says_so(
    random_one: PostgresDatabase, pair: tuple[_Schema, _Schema]
) -> None:
    (one, dumped), (other, dumped_other) = (_build(random_one, schema) for schema in pair)
    assert same(one, other) == (dumped == dumped_other), [str(d) for d in compare(one, other)]
