"""Backups of SQLite, and the folder that backups are kept in."""

import json
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

import banister
from banister import Event
from banister.engines.sqlite.copying import copied
from banister.engines.sqlite.dumps import SqliteDumps
from banister.engines.sqlite.files import unpacked
from banister.errors import DatabaseError, LockTimeout, ServerError, UsageError
from banister.model.backup import BackupForm as Form
from banister.model.backup import BackupWanted, TableDumped, TableRestored
from conftest import RunBanister
from sqlite_backup_kit import UP, migrated, open_project, root_of, rows, run


@pytest.fixture
def project(tmp_path: Path) -> banister.Project:
    return migrated(tmp_path)


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_a_backup_is_tried_and_comes_back(
    project: banister.Project, journal: str, compress: bool
) -> None:
    root = root_of(project)
    run(root / "app.db", f"PRAGMA journal_mode = {journal}")
    wanted = BackupWanted(form=Form.SQLITE, compress=compress)
    done = project.backups().take(wanted, test=True)
    assert done.manifest.tested is not None
    assert done.manifest.version == "001"
    assert done.manifest.rows["t"] == 2
    path = root / done.path
    assert sorted(each.name for each in path.parent.iterdir()) == [path.name, f"{path.name}.json"]
    assert path.stat().st_mode & 0o777 == 0o600

    other = open_project(root, "other.db")
    assert other.backups().restore(path).rows["t"] == 2
    assert rows(root / "other.db") == [(1,), (2,)]
    assert other.status().rows[0].state is banister.State.APPLIED
    with pytest.raises(DatabaseError, match="is not empty"):
        other.backups().restore(path)


@pytest.mark.parametrize("page_size", [512, 4096])
@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_a_program_that_has_the_file_open_finds_the_backup_in_it(
    project: banister.Project, journal: str, page_size: int
) -> None:
    root = root_of(project)
    done = project.backups().take()
    live = root / "app.db"
    run(live, "PRAGMA journal_mode = delete", f"PRAGMA page_size = {page_size}", "VACUUM")
    run(live, f"PRAGMA journal_mode = {journal}", "DELETE FROM t WHERE id = 1")
    identity = live.stat().st_ino
    with closing(sqlite3.connect(live, isolation_level=None)) as app:
        if journal == "wal" and page_size == 512:
            app.close()
        restored = project.backups().restore(root / done.path, replacing=True)
        if not (journal == "wal" and page_size == 512):
            assert app.execute("SELECT id FROM t ORDER BY id").fetchall() == [(1,), (2,)]
    assert live.stat().st_ino == identity
    assert rows(live) == [(1,), (2,)]
    assert restored.replaced is not None
    assert rows(Path(restored.replaced.before or "")) == [(2,)]


def test_who_holds_the_file_is_waited_for_with_a_bound_and_named(project: banister.Project) -> None:
    root = root_of(project)
    done = project.backups().take()
    code = (
        "import sqlite3, sys\n"
        f"c = sqlite3.connect({str(root / 'app.db')!r}, isolation_level=None)\n"
        "c.execute('BEGIN IMMEDIATE'); c.execute('DELETE FROM t'); print('held', flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        patient = open_project(root, lock_timeout="300ms")
        with pytest.raises(LockTimeout, match=rf"process {holder.pid}"):
            patient.backups().restore(root / done.path, replacing=True)
        holder.communicate()
    assert rows(root / "app.db") == [(1,), (2,)]
    assert not list(root.glob("app_before_*"))


def test_a_writer_that_never_stops_cannot_keep_a_backup_from_its_end(
    project: banister.Project,
) -> None:
    root = root_of(project)
    live = root / "app.db"
    run(live, "PRAGMA journal_mode = wal")
    filled = "WITH RECURSIVE n(i) AS (SELECT 3 UNION ALL SELECT i + 1 FROM n WHERE i < 60000) "
    run(live, filled + "INSERT INTO t SELECT i, hex(randomblob(40)) FROM n")
    stop, started = threading.Event(), threading.Event()

    def write() -> None:
        with closing(sqlite3.connect(live, timeout=30, isolation_level=None)) as connection:
            while not stop.is_set():
                connection.execute("INSERT INTO t (note) VALUES ('more')")
                started.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert started.wait(30)
        done = project.backups().take()
    finally:
        stop.set()
        writer.join()
    assert done.manifest.rows["t"] >= 60_000
    assert rows(root / done.path, "PRAGMA integrity_check") == [("ok",)]


def test_a_damaged_database_gives_no_backup(project: banister.Project) -> None:
    live = root_of(project) / "app.db"
    run(live, "CREATE INDEX t_note ON t (note)", "PRAGMA writable_schema = on")
    data = bytearray(live.read_bytes())
    size = int.from_bytes(data[16:18], "big")
    # The last page is the index's: its number of cells is changed.
    data[-size + 3 : -size + 5] = b"\x00\x01"
    live.write_bytes(bytes(data))
    with pytest.raises(DatabaseError) as caught:
        project.backups().take()
    assert caught.value.code in {"damaged", "dump_failed"}
    assert not list((live.parent / "backups").iterdir())


def test_a_full_disk_leaves_nothing(project: banister.Project, small_disk: Path) -> None:
    run(root_of(project) / "app.db", "INSERT INTO t VALUES (9, hex(zeroblob(900000)))")
    full = open_project(root_of(project), backup_dir=str(small_disk / "backups"))
    with pytest.raises(ServerError) as caught:
        full.backups().take()
    assert caught.value.code == "disk_full"
    assert not [each for each in small_disk.rglob("*") if each.is_file()]


@pytest.mark.parametrize(
    "call",
    [
        "rename",
        pytest.param("fsync", marks=pytest.mark.everything),
        pytest.param("open", marks=pytest.mark.everything),
    ],
)
def test_killed_at_any_call_a_backup_is_whole_or_not_there(
    project: banister.Project, call: str
) -> None:
    """The child dies at its first such call, then at its second, and so on to its end."""
    root = root_of(project)
    code = """
import os, sys, pathlib
import banister
project = banister.open(sys.argv[1], dir="migrations", root=sys.argv[2], environ={})
left = int(sys.argv[4])
def dying(real):
    def call(*args, **more):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), 9)
        return real(*args, **more)
    return call
for name in ("rename", "fsync", "open"):
    if name == sys.argv[3]:
        setattr(os, name, dying(getattr(os, name)))
        if name == "rename":
            pathlib.Path.rename = dying(pathlib.Path.rename)
project.backups().take()
"""
    url = f"sqlite:///{root / 'app.db'}"
    for count in range(20):
        arguments = [sys.executable, "-c", code, url, str(root), call, str(count)]
        ended = subprocess.run(arguments, check=False, capture_output=True).returncode
        found = project.backups().entries()
        counting = [entry for entry in found if entry.problem is None]
        for entry in counting:
            assert project.backups().check(entry.path).rows["t"] == 2
        for entry in found:
            assert entry.path.exists() is (entry in counting)
        if ended == 0:
            break
        assert ended == -9
    else:
        pytest.fail("it never came to its end")
    project.backups().take()
    names = {each.name for each in (root / "backups").iterdir()}
    backups = {each.path.name for each in project.backups().entries() if each.problem is None}
    assert names == backups | {f"{name}.json" for name in backups}, "what was left is swept"


def test_two_backups_at_once_are_two(project: banister.Project) -> None:
    begun = threading.Barrier(2)

    def together(event: banister.Event) -> None:
        if isinstance(event, TableDumped) and not begun.broken:
            try:
                begun.wait(5)
            except threading.BrokenBarrierError:
                return

    def take() -> None:
        project.backups().take(on_event=together)

    threads = [threading.Thread(target=take) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [entry.problem for entry in project.backups().entries()] == [None, None]


def test_a_manifest_that_is_none_is_told_with_the_reason(project: banister.Project) -> None:
    done = project.backups().take()
    path = root_of(project) / done.path
    manifest = path.with_name(f"{path.name}.json")
    whole = json.loads(manifest.read_text())
    for text, said in (
        ("{", "it is not JSON"),
        ("[]", 'it has no "format"'),
        (json.dumps(whole | {"format": 2}), "newer version of Banister"),
        (json.dumps({k: v for k, v in whole.items() if k != "rows"}), 'it has no "rows"'),
        (json.dumps(whole | {"size_bytes": "9"}), 'its "size_bytes" is not a whole number'),
    ):
        manifest.write_text(text)
        with pytest.raises(UsageError, match=said):
            project.backups().check(path)
        assert project.backups().entries()[0].problem is not None
    manifest.write_text(json.dumps(whole | {"later": 1}))
    assert project.backups().check(path).rows["t"] == 2


def test_two_restores_of_one_second_keep_what_was_there_before_each(
    project: banister.Project,
) -> None:
    root = root_of(project)
    done = project.backups().take()
    kept = []
    for note in ("first", "second"):
        run(root / "app.db", f"UPDATE t SET note = '{note}'")
        restored = project.backups().restore(root / done.path, replacing=True)
        assert restored.replaced is not None
        kept.append(Path(restored.replaced.before or ""))
    assert [rows(path, "SELECT note FROM t WHERE id = 1") for path in kept] == [
        [("first",)], [("second",)],
    ]  # fmt: skip
    assert {path.stat().st_mode & 0o777 for path in kept} == {0o600}


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_what_is_written_while_a_backup_goes_back_is_in_the_copy_of_what_was_there(
    project: banister.Project, journal: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = root_of(project)
    live = root / "app.db"
    done = project.backups().take()
    run(live, f"PRAGMA journal_mode = {journal}")
    real, written = SqliteDumps._restore, list[int]()

    def late(self: SqliteDumps, *args: object) -> object:
        if len(written) < 2:
            written.append(100 + len(written))
            run(live, f"INSERT INTO t (id) VALUES ({written[-1]})")
        return real(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(SqliteDumps, "_restore", late)
    restored = project.backups().restore(root / done.path, replacing=True)
    assert restored.replaced is not None
    assert rows(Path(restored.replaced.before or "")) == [(1,), (2,), (100,), (101,)]
    assert rows(live) == [(1,), (2,)]


def test_a_file_that_is_no_database_is_told(project: banister.Project) -> None:
    root = root_of(project)
    done = project.backups().take()
    (root / "app.db").write_bytes(b"wrecked" * 1000)
    with pytest.raises(DatabaseError, match="not a database") as caught:
        project.backups().restore(root / done.path, replacing=True)
    assert "move it away" in (caught.value.hint or "")
    assert (root / "app.db").read_bytes() == b"wrecked" * 1000
    assert not list(root.glob("app_before_*"))


def test_a_run_backs_up_what_is_there_and_makes_a_new_file_without(
    project: banister.Project,
) -> None:
    root = root_of(project)
    new = open_project(root, "new.db", backup="always")
    new.up()
    assert new.backups().entries() == ()
    (root / "migrations" / "002_more.up.sql").write_text("DROP TABLE t;")
    new.up()
    (entry,) = new.backups().entries()
    assert entry.manifest is not None
    assert entry.manifest.tested is not None
    assert entry.manifest.rows["t"] == 2


def interrupting(when: Callable[[TableRestored], bool]) -> Callable[..., Iterator[Event]]:
    """Copy as ever; be interrupted while the backup goes back, with the copy over in the end."""

    def copy(*args: Any, **more: Any) -> Iterator[Event]:
        events = copied(*args, **more)
        try:
            for event in events:
                yield event
                if isinstance(event, TableRestored) and when(event):
                    raise KeyboardInterrupt
        finally:
            # As when the signal comes after the last page: nothing stops the COMMIT then.
            for _ in events:
                pass

    return copy


def test_an_interrupt_in_the_last_moment_leaves_the_copy_of_what_was_there(
    project: banister.Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = project.backups().take()
    live = root_of(project) / "app.db"
    run(live, "DELETE FROM t", "INSERT INTO t VALUES (7, 'live')")
    monkeypatch.setattr("banister.engines.sqlite.copying._EVERY", 0.001)
    monkeypatch.setattr("banister.engines.sqlite.dumps.copied", interrupting(lambda _: True))
    path = root_of(project) / done.path
    with pytest.raises(KeyboardInterrupt):
        project.backups().restore(path, replacing=True)
    assert rows(live) == [(1,), (2,)]
    (before,) = live.parent.glob("app_before_*")
    assert rows(before) == [(7,)]


@pytest.mark.parametrize("uses", ["commits", "only holds"])
def test_a_program_that_begins_to_use_a_missing_file_meanwhile_loses_nothing(
    project: banister.Project, monkeypatch: pytest.MonkeyPatch, uses: str
) -> None:
    done = project.backups().take()
    root = root_of(project)
    live = root / "other.db"
    other = open_project(root, "other.db", lock_timeout="200ms")
    held = []

    @contextmanager
    def meanwhile(*args: Any) -> Iterator[Path]:
        with unpacked(*args) as copy:
            program = sqlite3.connect(live, isolation_level=None)
            held.append(program)
            program.execute("BEGIN IMMEDIATE")
            program.execute("CREATE TABLE theirs (id)")
            if uses == "commits":
                program.execute("COMMIT")
            yield copy

    monkeypatch.setattr("banister.engines.sqlite.dumps.unpacked", meanwhile)
    with pytest.raises(DatabaseError):
        other.backups().restore(root / done.path)
    if uses == "only holds":
        held[0].execute("COMMIT")
    held[0].close()
    assert rows(live, "SELECT name FROM sqlite_schema") == [("theirs",)]


@pytest.mark.parametrize("ending", ["-journal", "-wal"])
def test_what_sqlite_left_of_a_file_that_is_gone_is_not_taken_for_the_backups(
    project: banister.Project, ending: str
) -> None:
    done = project.backups().take()
    root = root_of(project)
    (root / f"other.db{ending}").write_bytes(b"changes")
    with pytest.raises(DatabaseError, match=f"other.db{ending} is there"):
        open_project(root, "other.db").backups().restore(root / done.path)
    assert (root / f"other.db{ending}").read_bytes() == b"changes"


def test_backups_of_another_file_of_that_name_are_left_alone(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    taken = []
    for name in ("a", "b"):
        root = tmp_path / name
        (root / "migrations").mkdir(parents=True)
        (root / "migrations" / "001_t.up.sql").write_text(UP)
        made = banister.open(
            "sqlite:///app.db", dir="migrations", root=root, environ={},
            settings={"backup_dir": str(shared), "backup_keep": 1},
        )  # fmt: skip
        made.up()
        taken.append(made.backups().take(test=True).path)
    assert all((tmp_path / "a" / path).exists() for path in taken)


def test_the_backup_that_was_just_made_stays_whatever_the_names_of_others_say(
    project: banister.Project,
) -> None:
    root = root_of(project)
    first = root / project.backups().take(test=True).path
    for path in (first, first.with_name(f"{first.name}.json")):
        path.rename(path.with_name(path.name.replace(first.name[7:22], "20990101_000000")))
    later = open_project(root, backup_keep=1).backups().take()
    assert (root / later.path).exists()


def test_a_backup_of_another_database_takes_its_place_with_a_word(
    project: banister.Project, run_banister: RunBanister
) -> None:
    root = root_of(project)
    done = project.backups().take()
    other = open_project(root, "other.db")
    other.up()
    told = run_banister(
        "restore", root / done.path, "--replace", "--yes", "--url", f"sqlite:///{root}/other.db",
        cwd=root,
    )  # fmt: skip
    assert told.returncode == 0, told
    assert "is a backup of" in told.stderr
    own = run_banister(
        "restore", root / done.path, "--replace", "--yes", "--url", f"sqlite:///{root}/app.db",
        cwd=root,
    )  # fmt: skip
    assert (own.returncode, "is a backup of" in own.stderr) == (0, False), own
