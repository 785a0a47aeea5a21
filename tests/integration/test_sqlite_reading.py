"""Reading a SQLite file changes nothing, and finds what is there."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from banister.engines.sqlite import SqliteEngine
from banister.errors import (
    ConnectionFailed,
    DatabaseError,
    UnsupportedByEngine,
)
from banister.model import (
    LogEntry,
    LogEvent,
    Version,
)
from sqlite_kit import RUN, apply, engine, make, make_engine, path, step


def test_reading_a_missing_file_is_an_empty_new_history_and_makes_nothing(path: Path) -> None:
    history = make_engine(path).read_history()
    assert history.database_is_new
    assert history.applied == ()
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_reading_leaves_every_byte_and_file_as_it_was(path: Path, journal: str) -> None:
    make(path, f"PRAGMA journal_mode = {journal}", "CREATE TABLE t (a)")
    before = path.read_bytes(), path.stat().st_mtime_ns, sorted(path.parent.iterdir())
    history = make_engine(path).read_history()
    assert not history.database_is_new
    assert before == (path.read_bytes(), path.stat().st_mtime_ns, sorted(path.parent.iterdir()))


def test_reading_works_beside_a_writer_in_wal_mode(path: Path) -> None:
    make(path, "PRAGMA journal_mode = wal", "CREATE TABLE t (a)")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("CREATE TABLE unseen (a)")
        assert not make_engine(path).read_history().database_is_new
        other.execute("ROLLBACK")


@contextmanager
def unprivileged() -> Iterator[None]:
    """Be an ordinary user, for whom file modes hold."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def locked_away() -> Iterator[Path]:
    """A folder that an ordinary user can read and not write, once the test has set its mode."""
    # pytest's own folder is closed to everyone else.
    folder = Path("/var/tmp") / f"banister-test-{os.getpid()}"
    folder.mkdir(mode=0o755)
    yield folder
    folder.chmod(0o755)
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_a_read_only_file_in_a_read_only_folder_can_be_read(
    locked_away: Path, journal: str
) -> None:
    path = locked_away / "a.db"
    engine = make_engine(path)
    engine.prepare()
    apply(engine, step("001_a", "CREATE TABLE a (x);"))
    engine.close()
    make(path, f"PRAGMA journal_mode = {journal}")
    path.chmod(0o444)
    locked_away.chmod(0o555)
    with unprivileged():
        assert [str(row.version) for row in make_engine(path).read_history().applied] == ["001"]


def test_writing_to_a_read_only_file_is_refused_with_what_must_be_writable(
    locked_away: Path,
) -> None:
    path = locked_away / "a.db"
    make(path, "CREATE TABLE t (a)")
    assert make_engine(path).unfit() is None
    path.chmod(0o444)
    with unprivileged():
        with pytest.raises(DatabaseError, match="cannot be written") as caught:
            make_engine(path).prepare()
        unfit = make_engine(path).unfit()
    assert "folder" in (caught.value.hint or "")
    assert isinstance(unfit, DatabaseError)


def test_a_missing_folder_is_an_error_not_an_empty_history(tmp_path: Path) -> None:
    with pytest.raises(ConnectionFailed, match="no folder"):
        make_engine(tmp_path / "typo" / "a.db").read_history()
    with pytest.raises(ConnectionFailed, match="no folder"):
        make_engine(tmp_path / "typo" / "a.db").prepare()


def test_a_folder_is_not_a_database(tmp_path: Path) -> None:
    with pytest.raises(ConnectionFailed, match="is a folder"):
        make_engine(tmp_path).read_history()


def test_a_file_that_is_no_database_is_named_and_left_alone(path: Path) -> None:
    path.write_text("just some notes, long enough to have a header\n" * 40)
    for act in (lambda: make_engine(path).read_history(), lambda: make_engine(path).prepare()):
        with pytest.raises(ConnectionFailed, match="is not a SQLite database"):
            act()
    assert path.read_text().startswith("just some notes")


def test_an_empty_file_is_a_new_database(path: Path) -> None:
    path.touch()
    assert make_engine(path).read_history().database_is_new
    assert path.stat().st_size == 0


def test_what_sqlite_cannot_do_is_refused(path: Path) -> None:
    with pytest.raises(UnsupportedByEngine, match="memory"):
        make_engine(Path(":memory:"))
    with pytest.raises(UnsupportedByEngine, match="timezone"):
        make_engine(path, timezone="UTC")  # type: ignore[arg-type]


def test_a_database_is_new_until_it_holds_a_table_or_a_row(engine: SqliteEngine) -> None:
    assert engine.read_history().database_is_new
    failed = LogEntry(event=LogEvent.FAILED, version=Version("001"), detail="typo")
    engine.record([failed], RUN)
    assert engine.read_history().database_is_new
    apply(engine, step("001_nothing"))
    assert not engine.read_history().database_is_new


def test_a_view_alone_makes_a_database_not_new(path: Path) -> None:
    make(path, "CREATE VIEW v AS SELECT 1")
    assert not make_engine(path).read_history().database_is_new
