"""Several migrations in one pipeline: what each leaves and tells is what it would by itself."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from banister.engines.postgres.pipeline import Message, exchange
from banister.errors import BanisterError
from banister.model import Event, ServerNotice, StatementDone, StepDone, StepFailed, StepStarted
from conftest import EVERYTHING
from postgres_kit import Site
from servers import MAJORS, PostgresDatabase, Servers

#: How many messages went into each pipeline.
Sizes = list[int]


@pytest.fixture
def site(postgres: PostgresDatabase, tmp_path: Path) -> Site:
    return Site(database=postgres, root=tmp_path)


@pytest.fixture
def sizes(monkeypatch: pytest.MonkeyPatch) -> Sizes:
    sent: Sizes = []

    def counted(connection: Any, messages: list[Message], take: Callable[[Any], None]) -> None:
        sent.append(len(messages))
        exchange(connection, messages, take)

    monkeypatch.setattr("banister.engines.postgres.together.exchange", counted)
    return sent


@contextmanager
def one_by_one() -> Iterator[None]:
    """Have every migration applied by itself."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("banister.engines.postgres.engine.fitting", lambda _: ())
        yield


def tables(count: int) -> dict[str, str]:
    files = {}
    for n in range(1, count + 1):
        files[f"{n:03}_t"] = f"CREATE TABLE t{n} (id int);\nINSERT INTO t{n} VALUES ({n});"
        files[f"{n:03}_t.down"] = f"DROP TABLE t{n};"
    return files


def told(events: list[Event]) -> list[tuple[object, ...]]:
    """Return what was told, without times."""
    said: list[tuple[object, ...]] = []
    for event in events:
        match event:
            case StepStarted():
                said.append(("started", event.step.version.text, event.number, event.total))
            case StatementDone():
                said.append(("statement", event.step.version.text, event.number))
            case ServerNotice():
                said.append(("notice", event.step.version.text, event.message))
            case StepDone():
                row = event.row
                said.append(("done", event.step.version.text, row and (row.name, row.up_checksum)))
            case StepFailed():
                said.append(("failed", event.step.version.text, error_of(event.error)))
    return said


def error_of(error: BanisterError) -> tuple[object, ...]:
    place = error.location
    where = place and (place.line, place.column, place.note)
    # The text of a file stands in no two folders.
    return (
        type(error).__name__,
        re.sub(r"pid \d+", "pid", error.message),
        where,
        error.state,
        error.hint,
    )


def recorded(site: Site) -> list[list[tuple[Any, ...]]]:
    """Return history, log and tables, without what differs from run to run."""
    return [
        site.rows(query)
        for query in (
            """SELECT version, name, up_checksum, down_checksum, down_text, duration_ms >= 0
                 FROM schema_migrations ORDER BY applied_at""",
            """SELECT event, version, name, direction, statement, checksum, duration_ms >= 0,
                      detail, who, host, tool_version, db_user
                 FROM schema_migrations_log WHERE event <> 'snapshot' ORDER BY id""",
            """SELECT relname, relkind, relowner::regrole::text FROM pg_class
                WHERE relnamespace = 'public'::regnamespace ORDER BY 1""",
        )
    ]


def test_migrations_share_their_round_trips_up_and_down(site: Site, sizes: Sizes) -> None:
    site.write(tables(30))
    events: list[Event] = []
    site.project().up(on_event=events.append, together=True)
    assert len(sizes) == 2
    assert site.applied() == [f"{n:03}" for n in range(1, 31)]
    assert [said[1] for said in told(events) if said[0] == "done"] == site.applied()
    rows = [event.row for event in events if isinstance(event, StepDone)]
    times = [row.applied_at for row in rows if row is not None and row.applied_at is not None]
    assert len(times) == 30
    assert times == sorted(set(times))
    assert times == [
        at for (at,) in site.rows("SELECT applied_at FROM schema_migrations ORDER BY version")
    ]
    sizes.clear()
    site.down(30)
    assert len(sizes) == 2
    assert site.applied() == []
    assert [event for event, *_ in site.log()] == ["applied"] * 30 + ["rolled_back"] * 30


#: What a migration may be made of; {n} is its number. Words are split where they would have the
#: file go by itself.
PIECES = (
    "CREATE TABLE t{n} (id int);",
    "INSERT INTO t{n} VALUES (1);",
    "-- only a comment\n",
    "SELECT 1 / 0;",
    "SELECT nope;",
    "SELEC 1;",
    "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE;",
    "SET LOCAL work_mem = '1MB';",
    "SET search_path = pg_catalog;",
    "SET timezone = 'Asia/Tokyo';",
    "SET datestyle = 'German';",
    "SET ROLE pg_monitor;",
    "SET SESSION AUTHORIZATION pg_monitor;",
    "PREPARE p AS SELECT 1;",
    "DECLARE c CURSOR WITH HOLD FOR SELECT 1;",
    "LISTEN something;",
    "CREATE TEMP TABLE passing (id int);",
    "SAVEPOINT a; CREATE TABLE gone (id int); ROLLBACK TO a;",
    "DO $$ BEGIN RAISE NOTICE 'number {n}'; END $$;",
    "DO $$ BEGIN RAISE WARNING 'number {n}'; PERFORM 1 / 0; END $$;",
    "CREATE TABLE d{n} (id int UNIQUE INITIALLY DEFERRED); INSERT INTO d{n} VALUES (1), (1);",
    "SELECT pg_advisory_unlock_all();",
    "DROP TABLE schema_migrations;",
    "ALTER TABLE schema_migrations_log RENAME TO other;",
    "INSERT INTO schema_migrations (version, name) VALUES ('{n}0', 'x');",
    "DELETE FROM schema_migrations;",
    "DO $$ BEGIN EXECUTE 'DEALL' || 'OCATE ALL'; END $$;",
    "DO $$ BEGIN PERFORM set_config('client_' || 'encoding', 'LATIN1', false); END $$;",
    "DO $$ BEGIN EXECUTE 'COM' || 'MIT'; END $$;",
    "NOTIFY something;",
    "SET synchronous_commit = off;",
)
HARMLESS = PIECES[:3]
MIGRATION = st.lists(
    st.one_of(st.sampled_from(HARMLESS), st.sampled_from(HARMLESS), st.sampled_from(PIECES)),
    min_size=1,
    max_size=3,
)


def carried_out(site: Site, migrations: list[list[str]]) -> list[object]:
    """Run the migrations, again after they have failed, and back; return all that came of it."""
    files = {}
    for number, pieces in enumerate(migrations, start=1):
        text = "\n".join(pieces).replace("{n}", str(number))
        files[f"{number:03}_m"] = text
        files[f"{number:03}_m.down"] = f"DROP TABLE IF EXISTS t{number}, d{number};"
    site.write(files)
    came: list[object] = []
    project = site.project()
    for run in (project.up, project.up, project.down):
        events: list[Event] = []
        try:
            counted = (len(files),) if run == project.down else ()
            run(*counted, on_event=events.append, together=True)
        except BanisterError as error:
            came.append(error_of(error))
        said = told(events)
        failed = {each[1] for each in said if each[0] == "failed"}
        # What is said of one migration may come in another order; where it fails, statements of its
        # last batch are told or not.
        said = [each for each in said if each[0] != "statement" or each[1] not in failed]
        came += [sorted(said, key=lambda each: (each[1], str(each)))]
        came += recorded(site)
    return came


@settings(
    max_examples=60 if EVERYTHING else 10,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(migrations=st.lists(MIGRATION, min_size=2, max_size=6))
def test_whatever_they_hold_it_ends_as_if_each_had_run_by_itself(
    servers: Servers, tmp_path: Path, migrations: list[list[str]]
) -> None:
    both = []
    for alone in (True, False):
        root = tmp_path / uuid4().hex
        root.mkdir()
        with servers.database(MAJORS[-1]) as database:
            site = Site(database=database, root=root)
            if alone:
                with one_by_one():
                    both.append(carried_out(site, migrations))
            else:
                both.append(carried_out(site, migrations))
    assert both[1] == both[0]


#: The others are tried by chance, and all of them by `make everything`.
TRICKIEST = (
    "SELECT 1 / 0;", "SET TRANSACTION", "SET ROLE", "INITIALLY DEFERRED", "pg_advisory_unlock_all",
    "DROP TABLE schema_migrations", "DEALL", "LATIN1",
)  # fmt: skip


@pytest.mark.parametrize(
    "piece",
    [
        piece
        if any(part in piece for part in TRICKIEST)
        else pytest.param(piece, marks=pytest.mark.everything)
        for piece in PIECES
    ],
)
def test_what_stands_in_the_middle_ends_as_if_it_had_run_by_itself(
    servers: Servers, tmp_path: Path, piece: str
) -> None:
    look = "CREATE TABLE IF NOT EXISTS seen AS SELECT current_user::text, session_user::text"
    migrations = [[PIECES[0]], [PIECES[0], piece], [PIECES[0], PIECES[1]], [f"{look};"]]
    test_whatever_they_hold_it_ends_as_if_each_had_run_by_itself.hypothesis.inner_test(  # type: ignore[attr-defined]
        servers, tmp_path, migrations
    )
