"""The migrations that are cut off, and runs of them in child processes."""

import faulthandler
import os
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

from oracles import Outcome

import banister

__all__ = ["FILES", "SQLITE_FILES", "Run", "start_run", "write_files"]

#: A run that takes longer hangs: it says where it stands, then it is ended. Seconds.
_TELL_AFTER = 85.0
_LIMIT = 90.0

#: Each file leaves its number in the witness table, once for every time that it ran.
FILES = {
    "001_base": "CREATE TABLE witness (n int, at int);\n"
    "CREATE TABLE t (id int, note text);\n"
    "INSERT INTO t SELECT g, 'note ' || g FROM generate_series(1, 2000) g;\n"
    "INSERT INTO witness VALUES (1, 1);",
    "002_alter": "ALTER TABLE t ADD COLUMN extra text;\nINSERT INTO witness VALUES (2, 1);",
    "003_index": "CREATE INDEX CONCURRENTLY t_note_idx ON t (note);",
    "004_mixed": "-- banister: transaction=off\n"
    "INSERT INTO witness VALUES (4, 1);\n"
    "CREATE INDEX CONCURRENTLY ON t (id);\n"
    "INSERT INTO witness VALUES (4, 3);\n"
    "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS t_id_key ON t (id);\n"
    "INSERT INTO witness VALUES (4, 5);",
    "005_copy": "COPY t (id, note) FROM stdin;\n"
    + "".join(f"{number}\tcopied\n" for number in range(3000, 3400))
    + "\\.\nINSERT INTO witness SELECT 5, count(*) FROM t;",
    "006_reindex": "REINDEX INDEX CONCURRENTLY t_note_idx;",
    "007_partitions": "CREATE TABLE p (k int) PARTITION BY RANGE (k);\n"
    "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);\n"
    "INSERT INTO witness VALUES (7, 1);",
    "008_detach": "ALTER TABLE p DETACH PARTITION p1 CONCURRENTLY;",
    "009_drop": "DROP INDEX CONCURRENTLY t_note_idx;",
    "010_last": "UPDATE t SET extra = 'x' WHERE id < 100;\nINSERT INTO witness VALUES (10, 1);",
}

#: The same for SQLite: a table rebuild with children, and statements one by one.
SQLITE_FILES = {
    "001_base": "CREATE TABLE witness (n int, at int);\n"
    "CREATE TABLE parent (id integer PRIMARY KEY, note text);\n"
    "CREATE TABLE child (id integer PRIMARY KEY, "
    "parent int NOT NULL REFERENCES parent ON DELETE CASCADE);\n"
    "WITH RECURSIVE g(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM g WHERE n < 500) "
    "INSERT INTO parent SELECT n, 'note ' || n FROM g;\n"
    "INSERT INTO child SELECT id, id FROM parent;\n"
    "INSERT INTO witness VALUES (1, 1);",
    "002_rebuild": "-- banister: foreign_keys=off\n"
    "CREATE TABLE fresh (id integer PRIMARY KEY, note text NOT NULL);\n"
    "INSERT INTO fresh SELECT id, note FROM parent;\n"
    "DROP TABLE parent;\n"
    "ALTER TABLE fresh RENAME TO parent;\n"
    "INSERT INTO witness SELECT 2, count(*) FROM child;",
    "003_steps": "-- banister: transaction=off\n"
    "INSERT INTO witness VALUES (3, 1);\n"
    "VACUUM;\n"
    "CREATE INDEX child_parent ON child (parent);\n"
    "INSERT INTO witness VALUES (3, 4);",
    "004_last": "ALTER TABLE child ADD COLUMN extra text;\nINSERT INTO witness VALUES (4, 1);",
}


def write_files(folder: Path, files: dict[str, str]) -> None:
    """Write up files into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.up.sql").write_text(text)


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run in a child process; `start_run` returns it."""

    pid: int
    said: Path
    started: float

    @property
    def over(self) -> bool:
        """Whether it has ended; `wait` is still to be called."""
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self.pid, flags) is not None

    def send(self, number: int) -> None:
        """Send a signal; nothing where the run is over."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def wait(self) -> Outcome:
        """Wait for the end; a run that hangs is ended, and says where it stood."""
        while True:
            ended, status = os.waitpid(self.pid, os.WNOHANG)
            if ended:
                break
            if monotonic() - self.started > _LIMIT:
                self.send(signal.SIGKILL)
                os.waitpid(self.pid, 0)
                stood = _trace_of(self.said).read_text()
                return Outcome(exit_code=99, said=f"it hung: {self._told()}\n{stood}")
            sleep(0.002)
        return Outcome(exit_code=os.waitstatus_to_exitcode(status), said=self._told())

    def _told(self) -> str:
        return self.said.read_text() if self.said.exists() else ""


def _up(project: banister.Project) -> object:
    return project.up()


def start_run(
    project: Callable[[], banister.Project],
    said: Path,
    *,
    fail_point: str | None = None,
    carry_out: Callable[[banister.Project], object] = _up,
) -> Run:
    """Run `up`, or what `carry_out` does, in a child; what it says goes to `said`.

    A fork costs no start of an interpreter.
    """
    said.unlink(missing_ok=True)
    started = monotonic()
    child = os.fork()
    if child:
        return Run(pid=child, said=said, started=started)
    code = 70
    try:
        faulthandler.dump_traceback_later(_TELL_AFTER, file=_trace_of(said).open("w"))
        if fail_point is not None:
            os.environ["BANISTER_TEST_FAIL_POINT"] = fail_point
        signal.signal(signal.SIGTERM, _terminated)
        carry_out(project())
        code = 0
    except banister.BanisterError as error:
        code = error.exit_code
        said.write_text(f"{error.code}: {error}\n{error.state}\n{error.hint}\n{error.location}\n")
    except KeyboardInterrupt:
        code = 143
    except BaseException:  # noqa: BLE001 -- whatever it is, the parent must hear of it
        said.write_text(traceback.format_exc())
    finally:
        sys.stderr.flush()
        os._exit(code)


def _trace_of(said: Path) -> Path:
    return said.with_suffix(".trace")


def _terminated(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt
