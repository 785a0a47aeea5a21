"""What the fault tests of SQLite share: a project over a file, and runs that end in many ways."""

import importlib
import json
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from banister.cli.main import main
from banister.engines.sqlite.session import Session
from conftest import clean_environment

# Loaded here once, not in every child.
for module in ("api", "cli.down", "cli.endings", "cli.status", "cli.up"):
    importlib.import_module(f"banister.{module}")

__all__ = ["FILES", "Outcome", "SqliteSite", "as_nobody", "bounded_files", "killed_at_call", "told"]

#: Each file leaves its number in the witness table, once for every time that it ran. The small
#: cache makes SQLite write uncommitted pages into the file.
FILES = {
    "001_base": "PRAGMA cache_size = 2;\n"
    "CREATE TABLE witness (n, at);\n"
    "CREATE TABLE parent (id INTEGER PRIMARY KEY, note TEXT);\n"
    "CREATE TABLE child (id INTEGER PRIMARY KEY, parent REFERENCES parent ON DELETE CASCADE);\n"
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)\n"
    "INSERT INTO parent SELECT i, printf('note %060d', i) FROM n;\n"
    "INSERT INTO child SELECT id + 1000, id FROM parent;\n"
    "INSERT INTO witness VALUES (1, 1);\n",
    "002_mixed": "-- banister: transaction=off\n"
    "INSERT INTO witness VALUES (2, 1);\n"
    "VACUUM;\n"
    "INSERT INTO witness VALUES (2, 3);\n"
    "CREATE INDEX note_idx ON parent (note);\n"
    "INSERT INTO witness VALUES (2, 5);\n",
    "003_rebuild": "-- banister: foreign_keys=off\n"
    "PRAGMA cache_size = 2;\n"
    "CREATE TABLE new_parent (id INTEGER PRIMARY KEY, note TEXT NOT NULL);\n"
    "INSERT INTO new_parent SELECT * FROM parent;\n"
    "DROP TABLE parent;\n"
    "ALTER TABLE new_parent RENAME TO parent;\n"
    "INSERT INTO witness VALUES (3, 1);\n",
    "004_last": "UPDATE parent SET note = 'x' || note;\nINSERT INTO witness VALUES (4, 1);\n",
    "004_last.down": "UPDATE parent SET note = substr(note, 2);\n"
    "DELETE FROM witness WHERE n = 4;\n",
    "003_rebuild.down": "-- banister: foreign_keys=off\n"
    "CREATE TABLE old_parent (id INTEGER PRIMARY KEY, note TEXT);\n"
    "INSERT INTO old_parent SELECT * FROM parent;\n"
    "DROP TABLE parent;\n"
    "ALTER TABLE old_parent RENAME TO parent;\n"
    "DELETE FROM witness WHERE n = 3;\n",
    "002_mixed.down": "-- banister: transaction=off\n"
    "DROP INDEX IF EXISTS note_idx;\n"
    "VACUUM;\n"
    "DELETE FROM witness WHERE n = 2;\n",
    "001_base.down": "DROP TABLE child;\nDROP TABLE parent;\nDROP TABLE witness;\n",
}
VERSIONS = ["001", "002", "003", "004"]
WITNESSES = [(1, 1), (2, 1), (2, 3), (2, 5), (3, 1), (4, 1)]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How the command line ended."""

    #: Its exit code; the negative number of the signal that killed it.
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What `--format json` printed."""
        return json.loads(self.out)


@dataclass(frozen=True, kw_only=True)
class SqliteSite:
    """A migrations folder and the SQLite file it is for."""

    root: Path

    @property
    def path(self) -> Path:
        """The database file."""
        return self.root / "app.db"

    def write(self, files: Mapping[str, str]) -> None:
        """Write files `001_a` (an up) or `001_a.down`; an up without a down is irreversible."""
        folder = self.root / "migrations"
        folder.mkdir(exist_ok=True)
        for name, text in files.items():
            down = name.endswith(".down")
            alone = not down and f"{name}.down" not in files
            head = "-- banister: irreversible\n" if alone else ""
            (folder / f"{name}{'' if down else '.up'}.sql").write_text(head + text)

    def command(
        self, *args: str, arm: Callable[[], None] = lambda: None, **settings: str
    ) -> Outcome:
        """Run the command line in a child, which costs no start of an interpreter.

        `arm` is called in the child first. Settings become BANISTER_* variables.
        """
        # Pipes, since files may be bounded; what is printed is far less than they hold.
        out, err = os.pipe(), os.pipe()
        child = os.fork()
        if not child:
            sys.stdout, sys.stderr = (os.fdopen(end, "w") for end in (out[1], err[1]))
            _run(self, args, arm, settings)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        return Outcome(code=code, out=_rest_of(out), err=_rest_of(err))

    @contextmanager
    def running(self, *args: str, **settings: str) -> Iterator[subprocess.Popen[str]]:
        """Start the command line beside the test; killed at the end if it still runs."""
        process = subprocess.Popen(
            [sys.executable, "-m", "banister", *args],
            cwd=self.root,
            env={**clean_environment(), **self._environment(settings)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with process:
            try:
                yield process
            finally:
                process.kill()

    def _environment(self, settings: Mapping[str, str]) -> dict[str, str]:
        named = {f"BANISTER_{key.upper()}": value for key, value in settings.items()}
        return {"BANISTER_URL": f"sqlite:///{self.path}", **named}

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Run SQL with the driver itself."""
        with closing(sqlite3.connect(self.path, isolation_level=None)) as connection:
            return connection.execute(query).fetchall()

    def applied(self) -> list[str]:
        """The recorded versions in order of application."""
        return [
            version
            for (version,) in self.rows("SELECT version FROM schema_migrations ORDER BY applied_at")
        ]

    def log(self) -> list[tuple[Any, ...]]:
        """Event, version and statement of the log, oldest first, without fingerprints."""
        return self.rows(
            "SELECT event, version, statement FROM schema_migrations_log "
            "WHERE event <> 'snapshot' ORDER BY id"
        )

    def content(self) -> object:
        """Everything that the migrations make."""
        return (
            self.rows(
                "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite%' "
                "AND tbl_name NOT LIKE 'schema_migrations%' ORDER BY name"
            ),
            self.rows("SELECT * FROM parent ORDER BY id"),
            self.rows("SELECT * FROM child ORDER BY id"),
        )

    def assert_all_is_well(self, reference: object) -> None:
        """Nothing lost, nothing twice, and the file is sound."""
        assert self.rows("SELECT n, at FROM witness ORDER BY n, at") == WITNESSES
        assert self.applied() == VERSIONS
        assert self.content() == reference
        assert self.rows("PRAGMA integrity_check") == [("ok",)]
        assert self.rows("PRAGMA foreign_key_check") == []

    @contextmanager
    def held(self, *statements: str) -> Iterator[int]:
        """Hold what the statements take, in a process of its own; yield its pid."""
        ready, tell = os.pipe()
        stay, let_go = os.pipe()
        child = os.fork()
        if not child:
            os.close(let_go)
            connection = sqlite3.connect(self.path, isolation_level=None)
            for statement in statements:
                connection.execute(statement).fetchall()
            os.write(tell, b"x")
            os.read(stay, 1)
            os._exit(0)
        os.close(tell)
        os.close(stay)
        assert os.read(ready, 1) == b"x"
        try:
            yield child
        finally:
            os.close(let_go)
            os.close(ready)
            os.waitpid(child, 0)


def _rest_of(pipe: tuple[int, int]) -> str:
    os.close(pipe[1])
    with os.fdopen(pipe[0]) as reader:
        return reader.read()


def _run(
    site: SqliteSite, args: tuple[str, ...], arm: Callable[[], None], settings: Mapping[str, str]
) -> None:
    code = 70
    try:
        os.chdir(site.root)
        os.environ.clear()
        os.environ.update(site._environment(settings))
        arm()
        code = main(args)
    except BaseException:  # noqa: BLE001 -- a child must never get into pytest
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def killed_at_call(number: int) -> Callable[[], None]:
    """Arm a child that dies, as by kill -9, right before its call `number` (from 1) of SQLite."""

    def arm() -> None:
        calls = 0
        original = Session._once

        def once(
            session: Session, sql: str, values: tuple[object, ...], *, keep: bool
        ) -> list[tuple[Any, ...]]:
            nonlocal calls
            calls += 1
            if calls == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return original(session, sql, values, keep=keep)

        Session._once = once  # type: ignore[assignment]

    return arm


def bounded_files(size: int, *, deadly: bool) -> Callable[[], None]:
    """Arm a child whose writes beyond `size` bytes of a file fail with EFBIG, or kill it.

    https://man7.org/linux/man-pages/man2/setrlimit.2.html
    """

    def arm() -> None:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL if deadly else signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    return arm


def told(process: subprocess.Popen[str], part: str) -> str:
    """Return the next line of standard output with that part, as soon as it is there."""
    assert process.stdout is not None
    for line in process.stdout:
        if part in line:
            return line
    assert process.stderr is not None
    raise AssertionError(f"ended without {part!r}: {process.stderr.read()}")


def as_nobody() -> None:
    """Arm a child that is not root."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
