"""Servers and sessions that take no writes."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import banister
from banister.engines.embedded import find_binaries, start, stop
from banister.model import State
from postgres_kit import Site, role
from servers import MAJORS, PostgresDatabase

TWO = {
    "001_t": "CREATE TABLE t (id int);",
    "001_t.down": "DROP TABLE t;",
    "002_u": "CREATE TABLE u (id int);",
    "002_u.down": "DROP TABLE u;",
}


@pytest.fixture
def site(postgres: PostgresDatabase, tmp_path: Path) -> Site:
    return Site(database=postgres, root=tmp_path)


@pytest.mark.parametrize("where", ["ROLE", "DATABASE", "options"])
def test_read_only_defaults_let_status_through_and_refuse_up_at_once(
    site: Site, where: str
) -> None:
    site.write(TWO)
    site.rows("GRANT CREATE ON SCHEMA public TO PUBLIC")
    read_only = "default_transaction_read_only = on"
    with role(site.database) as (name, plain):
        url = plain
        match where:
            case "ROLE":
                site.rows(f"ALTER ROLE {name} SET {read_only}")
            case "DATABASE":
                site.rows(f"ALTER DATABASE {site.database.name} SET {read_only}")
            case _:
                url += "&options=-c%20default_transaction_read_only%3Don"
        project = site.project(url=url)
        assert [row.state for row in project.status().rows] == [State.PENDING] * 2
        assert len(project.plan().plan.steps) == 2
        with pytest.raises(banister.DatabaseError, match="default_transaction_read_only") as caught:
            project.up()
        assert caught.value.code == "read_only"
        assert caught.value.state == "nothing was run"
        assert "primary" not in str(caught.value.hint)
        if where == "DATABASE":
            site.rows(
                "BEGIN READ WRITE; "
                f"ALTER DATABASE {site.database.name} RESET default_transaction_read_only; COMMIT"
            )


@pytest.fixture
def standby(tmp_path: Path) -> Iterator[Site]:
    """A server of its own that was stopped with two migrations applied and replays since."""
    folder = Path(tempfile.mkdtemp(prefix="banister-test-"))
    folder.chmod(0o711)
    running = start(find_binaries(), folder / "pg")
    try:
        database = PostgresDatabase(
            url=running.url, name="postgres", major=MAJORS[-1], server=running
        )
        site = Site(database=database, root=tmp_path)
        site.write(TWO)
        site.up()
        stop(running)
        (folder / "pg" / "data" / "standby.signal").touch()
        running = start(find_binaries(), folder / "pg")
        yield site
    finally:
        stop(running)
        shutil.rmtree(folder)


def test_a_standby_answers_status_and_refuses_up(standby: Site) -> None:
    assert standby.rows("SELECT pg_is_in_recovery()") == [(True,)]
    project = standby.project()
    assert [row.state for row in project.status().rows] == [State.APPLIED] * 2
    standby.up()
    standby.write({"003_v": "CREATE TABLE v (id int);"})
    assert [step.version.text for step in project.plan().plan.steps] == ["003"]
    with pytest.raises(banister.DatabaseError, match="this server is a standby") as caught:
        standby.up()
    assert caught.value.code == "read_only"
    assert caught.value.state == "nothing was run"
    assert "primary" in str(caught.value.hint)
