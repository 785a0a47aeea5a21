"""What every place for scratch databases holds: PostgreSQL of our own, one named, and SQLite."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from banister.engines.embedded.processes import identify
from banister.errors import BanisterError, MigrationFailed
from banister.model import Dialect
from banister.project import Target
from banister.scratch import Scratch
from scratch_kit import ask, open_place, project_on, quick_home, target_of
from servers import Servers

FILES = {
    "001_a.up": "CREATE TABLE a (id int PRIMARY KEY);\nINSERT INTO a VALUES (1);",
    "001_a.down": "DROP TABLE a;",
}
#: How many servers run for three databases, by how the place is opened.
SERVERS = {(): 1, ("apart",): 3, ("dialect",): 0}
COUNT = "SELECT count(*) FROM a"


@dataclass(frozen=True, kw_only=True)
class Place:
    """A place, and how it was opened."""

    scratch: Scratch
    root: Path
    kind: str

    def value(self, database: Target, *statements: str) -> Any:
        """Run statements with the driver itself; return the one value of the last."""
        if database.path is None:
            return ask(database, *statements)
        with closing(sqlite3.connect(database.path, isolation_level=None)) as connection:
            for statement in statements:
                row = connection.execute(statement).fetchone()
            return row[0] if row else None

    def up(self, database: Target, files: dict[str, str]) -> None:
        project_on(self.scratch, database, files).up()


@pytest.fixture(params=["own", "apart", "named", "sqlite"])
def place(request: pytest.FixtureRequest, tmp_path: Path, servers: Servers) -> Iterator[Place]:
    options: dict[str, Any] = {}
    if request.param == "sqlite":
        options["dialect"] = Dialect.SQLITE
    elif request.param == "named":
        options["named"] = target_of(servers.get(18).url)
    else:
        options["apart"] = request.param == "apart"
    with open_place(tmp_path, **options) as scratch:
        yield Place(scratch=scratch, root=tmp_path, kind=request.param)


def test_migrations_run_on_a_database_that_was_empty(place: Place) -> None:
    database = place.scratch.create()
    with place.scratch.open(database) as engine:
        assert engine.read_history().by_version == {}
    place.up(database, FILES)
    assert place.value(database, COUNT) == 1
    other = place.scratch.create()
    with place.scratch.open(other) as engine:
        assert engine.read_history().by_version == {}


def test_a_clone_is_a_database_of_its_own(place: Place) -> None:
    source = place.scratch.create()
    place.up(source, FILES)
    first, second = place.scratch.clone(source), place.scratch.clone(source)
    place.value(first, "INSERT INTO a VALUES (2), (3)")
    place.value(source, "DELETE FROM a")
    assert [place.value(database, COUNT) for database in (source, first, second)] == [0, 3, 1]
    third = place.scratch.clone(first)
    assert place.value(third, COUNT) == 3
    with place.scratch.open(third) as engine:
        assert [version.text for version in engine.read_history().by_version] == ["001"]


def test_what_is_dropped_is_gone_and_the_rest_is_not(place: Place) -> None:
    kept, dropped = place.scratch.create(), place.scratch.create()
    for database in (kept, dropped):
        place.up(database, FILES)
    place.scratch.drop(dropped)
    place.scratch.drop(dropped)
    assert place.value(kept, COUNT) == 1
    if dropped.path is not None:
        assert not dropped.path.exists()
        return
    with pytest.raises(BanisterError, match="cannot connect"), place.scratch.open(dropped):
        pass


def test_a_place_says_what_it_is(place: Place) -> None:
    scratch = place.scratch
    assert scratch.shared is (place.kind == "named")
    if place.kind == "sqlite":
        assert scratch.display == f"SQLite {sqlite3.sqlite_version}"
        assert scratch.major is None
        return
    assert scratch.major == 18
    assert scratch.display.startswith("PostgreSQL 18.")
    assert scratch.display.endswith("the server" if place.kind == "named" else "embedded")


def test_the_settings_of_the_project_hold_there(tmp_path: Path, servers: Servers) -> None:
    (tmp_path / "banister.toml").write_text(
        'search_path = "app, public"\ntimezone = "Asia/Tokyo"\nrole = "nobody_there"\n'
        'history_table = "applied"\n'
    )
    files = {
        "001_a.up": "CREATE SCHEMA app;\nCREATE TABLE t AS SELECT "
        "current_setting('timezone') AS zone, current_user::text AS who;"
    }
    for named in (None, target_of(servers.get(18).url)):
        with open_place(tmp_path, named=named) as scratch:
            database = scratch.create()
            project_on(scratch, database, files).up()
            assert ask(database, "SELECT zone FROM app.t") == "Asia/Tokyo"
            assert ask(database, "SELECT count(*) FROM public.applied") == 1
            # Where the server is ours the role is, too; on another one that of the URL counts.
            who = "nobody_there" if named is None else "postgres"
            assert ask(database, "SELECT who FROM app.t") == who


@pytest.mark.parametrize(
    "options", [{}, {"apart": True}, {"dialect": Dialect.SQLITE}], ids=["own", "apart", "sqlite"]
)
def test_nothing_is_left_of_a_place(quick_home: Path, options: dict[str, Any]) -> None:
    home = quick_home
    with open_place(home, **options) as scratch:
        made = [scratch.create(), scratch.create()]
        made.append(scratch.clone(made[0]))
        for database in made:
            project_on(scratch, database, FILES).up()
        pids = [int(file.read_text().split()[0]) for file in home.glob("**/postmaster.pid")]
        assert len(pids) == SERVERS[tuple(options)]
        marks = [identify(pid) for pid in pids]
        assert None not in marks
    assert [identify(pid) for pid in pids] == [None] * len(pids)
    assert not list(home.glob("tmp/*/scratch-*"))


def test_what_the_server_lacks_is_named(tmp_path: Path, servers: Servers) -> None:
    files = {"001_a.up": "CREATE TABLE a (id int);\nGRANT SELECT ON a TO app_reader;"}
    for named in (None, target_of(servers.get(18).url)):
        with open_place(tmp_path, named=named) as scratch:
            with pytest.raises(MigrationFailed) as caught:
                project_on(scratch, scratch.create(), files).up()
            scratch.explain(caught.value)
            hint = str(caught.value.hint)
            assert hint.startswith("the scratch server lacks the role app_reader")
            assert "--scratch-url" in hint
