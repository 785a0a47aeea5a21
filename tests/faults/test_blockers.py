"""Who stands in the way: what is said of them, and what a role would need to see more."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

import banister
from banister.engines.postgres.observer import Observer
from banister.model import Blocked, Event, Warned
from conftest import RunBanister
from postgres_kit import Site, role, wait_until
from servers import PostgresDatabase

#: Two places where the same sessions are met: the notice must come once.
FILES = {"001_t": "ALTER TABLE t ADD COLUMN a int;", "002_t": "ALTER TABLE t ADD COLUMN b int;"}
PUBLIC = "GRANT CREATE, USAGE ON SCHEMA public TO {role}"
OWNS = "ALTER TABLE t OWNER TO {role}"


@pytest.fixture
def site(postgres: PostgresDatabase, tmp_path: Path) -> Site:
    return _site(postgres, tmp_path)


def _site(database: PostgresDatabase, root: Path) -> Site:
    site = Site(database=database, root=root)
    site.write(FILES)
    site.rows("CREATE TABLE t (id int)")
    return site


@contextmanager
def reader(site: Site, query: str = "SELECT * FROM t") -> Iterator[psycopg.Connection[Any]]:
    """A superuser's session that is idle in a transaction and so holds a lock on t."""
    with psycopg.connect(site.database.url, application_name="nightly report") as connection:
        connection.execute(query.encode())
        yield connection


def blocked(events: list[Event]) -> list[Blocked]:
    return [event for event in events if isinstance(event, Blocked)]


def warned(events: list[Event]) -> list[banister.Finding]:
    return [event.finding for event in events if isinstance(event, Warned)]


def test_what_a_role_may_not_see_is_left_out_and_the_grant_for_it_is_told(
    every_postgres: PostgresDatabase, tmp_path: Path
) -> None:
    site = _site(every_postgres, tmp_path)
    with role(every_postgres, PUBLIC, OWNS) as (name, url):
        events: list[Event] = []
        with reader(site) as holder:

            def on_event(event: Event) -> None:
                events.append(event)
                if isinstance(event, Warned):
                    holder.rollback()

            site.project(url=url, lock_timeout="30s").up(on_event=on_event)
        (blocker,) = blocked(events)[0].blockers
        assert (blocker.user, blocker.application) == ("postgres", "nightly report")
        assert blocker.lock_modes == "AccessShareLock"
        assert (blocker.state, blocker.transaction_seconds, blocker.kind) == (None, None, None)
        (finding,) = warned(events)
        assert finding.code == "blockers_hidden"
        assert finding.hint == f'GRANT pg_read_all_stats TO "{name}";'

        # The very statement that was printed.
        site.rows(str(finding.hint))
        site.write({"003_t": "ALTER TABLE t ADD COLUMN c int;"})
        events.clear()
        with reader(site) as holder:

            def then(event: Event) -> None:
                events.append(event)
                if isinstance(event, Blocked):
                    holder.rollback()

            site.project(url=url, lock_timeout="30s").up(on_event=then)
        (blocker,) = blocked(events)[0].blockers
        assert blocker.state == "idle in transaction"
        assert blocker.transaction_seconds is not None
        assert warned(events) == []


def test_a_blocker_of_the_same_role_is_seen_whole_without_any_grant(site: Site) -> None:
    with role(site.database, PUBLIC, OWNS) as (_, url):
        events: list[Event] = []
        with psycopg.connect(url) as holder:
            holder.execute("SELECT * FROM t")

            def on_event(event: Event) -> None:
                events.append(event)
                if isinstance(event, Blocked):
                    holder.rollback()

            site.project(url=url, lock_timeout="30s").up(on_event=on_event)
        assert blocked(events)[0].blockers[0].state == "idle in transaction"
        assert warned(events) == []


def met_twice(site: Site, url: str, *args: str) -> tuple[str, str]:
    """Run `up` against a session in its way that goes at the second attempt; return the output."""
    with site.command("up", "--url", url, *args) as process:
        with reader(site):
            watching = (
                "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE '%(watch%'"
            )
            wait_until(lambda: bool(site.value(watching)), "the second connection")
            wait_until(lambda: not _waits(site), "the end of the first attempt")
            wait_until(lambda: _waits(site), "the second attempt")
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        return out, err


def _waits(site: Site) -> bool:
    return bool(site.value("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"))


@pytest.mark.parametrize("form", ["text", pytest.param("json", marks=pytest.mark.everything)])
def test_the_grant_is_printed_once_a_run_however_often_it_waits(site: Site, form: str) -> None:
    (site.root / "banister.toml").write_text('lock_timeout = "700ms"\n')
    with role(site.database, PUBLIC, OWNS) as (name, url):
        out, err = met_twice(site, url, "--format", form)
        grant = f'GRANT pg_read_all_stats TO "{name}";'
        if form == "text":
            assert (out + err).count(grant) == 1
            assert "application nightly report, holds AccessShareLock" in out
            return
        told = json.loads(out)
        assert [f["hint"] for f in told["findings"] if f["code"] == "blockers_hidden"] == [grant]
        assert told["retries"]
        wait = told["waits"][0]
        assert wait["relation"] == "public.t"
        (blocker,) = wait["blockers"]
        assert (blocker["user"], blocker["state"], blocker["query"]) == ("postgres", None, None)
        assert blocker["application"] == "nightly report"
        assert blocker["lock_modes"] == "AccessShareLock"


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("SELECT *\n\tFROM   t -- 'x'", "SELECT * FROM t -- 'x'"),
        (f"SELECT '{'x' * 500}' FROM t", "SELECT '" + "x" * 191 + "…"),
        ("SELECT 'hunter2' AS password FROM t", "(not shown: it may hold a secret)"),
        ("SELECT 1 FROM t /* ALTER ROLE x PASSWORD 'y' */", "(not shown: it may hold a secret)"),
    ],
)
def test_what_a_blocker_ran_is_shown_only_when_asked_in_one_short_line(
    site: Site, query: str, shown: str
) -> None:
    seen: list[banister.Blocker] = []
    for version, asked in (("001", False), ("002", True)):
        with reader(site, query) as holder:

            def on_event(event: Event, holder: psycopg.Connection[Any] = holder) -> None:
                if isinstance(event, Blocked):
                    seen.extend(event.blockers)
                    holder.rollback()

            project = site.project(lock_timeout="30s", show_queries=asked)
            project.up(to=version, on_event=on_event)
    assert [blocker.query for blocker in seen] == [None, shown]
    assert str(seen[1]).endswith(f"ran: {shown}")


def test_the_flag_and_the_setting_ask_for_it(site: Site) -> None:
    (site.root / "banister.toml").write_text('lock_timeout = "30s"\n')
    for args, env in (
        (["--show-queries"], None), ([], "BANISTER_SHOW_QUERIES"), ([], None),
    ):  # fmt: skip
        site.rows("DROP TABLE IF EXISTS schema_migrations, schema_migrations_log, t")
        site.rows("CREATE TABLE t (id int)")
        with reader(site) as holder, site.command("up", *args, env={env: "1"} if env else {}) as up:
            assert up.stdout is not None
            lines = iter(up.stdout.readline, "")
            said = next(line for line in lines if "nightly report" in line)
            holder.rollback()
            assert up.wait(60) == 0
        assert ("ran: SELECT * FROM t" in said) is bool(args or env)


def test_nothing_is_asked_for_that_is_not_shown(site: Site) -> None:
    """Not even the second connection gets to see the text."""
    with reader(site) as holder, psycopg.connect(site.database.url) as waiter:
        waiting = threading.Thread(target=waiter.execute, args=("LOCK TABLE t",))
        waiting.start()
        wait_until(lambda: _waits(site), "a wait")
        for asked in (False, True):
            observer = Observer(
                conninfo=site.database.url, pid=waiter.info.backend_pid, show_queries=asked
            )
            glimpse = observer.look()
            observer.close()
            assert glimpse is not None
            assert (glimpse.blockers[0].query is not None) is asked
        holder.rollback()
        waiting.join()


@pytest.mark.parametrize("inherit", ["INHERIT", "NOINHERIT"])
def test_doctor_gives_the_grant_that_works(
    every_postgres: PostgresDatabase, tmp_path: Path, run_banister: RunBanister, inherit: str
) -> None:
    site = _site(every_postgres, tmp_path)
    name = 'a "strange" Name'
    quoted = sql.Identifier(name).as_string(None)
    site.rows(f"CREATE ROLE {quoted} LOGIN {inherit}")
    try:
        url = site.database.url.replace("user=postgres", "user=a%20%22strange%22%20Name")
        env = {"BANISTER_URL": url}

        def check() -> dict[str, str]:
            done = run_banister("doctor", "--format", "json", cwd=site.root, env=env)
            found: dict[str, str] = next(
                check for check in json.loads(done.stdout)["checks"] if check["name"] == "blockers"
            )
            return found

        told = check()
        assert told["verdict"] == "warning"
        grant, _, more = told["hint"].partition(";")
        assert grant.startswith(f"GRANT pg_read_all_stats TO {quoted}")
        site.rows(grant)
        if inherit == "NOINHERIT" and every_postgres.major < 16:
            assert "INHERIT" in more
            site.rows(f"ALTER ROLE {quoted} INHERIT")
        assert check()["verdict"] == "ok"
    finally:
        site.rows(f"DROP ROLE {quoted}")
