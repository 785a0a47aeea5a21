"""The cases of tests/cases/hazards: what each holds, and how it is rehearsed.

CASE/setup.sql is there before the run, superuser.sql before that, where only a superuser can make
it. bad.sql meets the rule that CASE is named after in the line that ends with `-- here`, good.sql
(then good.2.sql and so on) are the migrations to write instead. CASE/versions holds the majors that
it is for, such as `-17` or `18-`. silent/CASE/change.sql meets no rule.
"""

import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from pathlib import Path

import psycopg

from banister.errors import Severity
from banister.model import Dialect, RunInfo, Step, Version
from banister.planning import make_step
from banister.project import Target, load_settings
from banister.rehearsal import HazardFinding, MigrationRehearsal, Rehearsal
from banister.rehearsal.rehearse import Copy, rehearse
from banister.rehearsal.sizes import SmallTables
from banister.scratch import Scratch
from banister.scratch.own import own_scratch
from banister.scratch.place import opened
from banister.scratch.programs import Programs
from banister.snapshot import Snapshot
from samples import a_script
from servers import Servers

__all__ = ["CASES", "SILENT", "Case", "Ground", "all_findings", "grounds"]

_FOLDER = Path(__file__).resolve().parent / "cases" / "hazards"
_INFO = RunInfo(run_id="hazards", who="tester", host="here", tool_version="0")
#: Databases that are kept for the next case with the same setup.
_KEPT = 12
_HERE = re.compile(r"-- here\s*$")


@dataclass(frozen=True, kw_only=True)
class Case:
    """One folder."""

    path: Path

    @property
    def rule(self) -> str:
        """The rule that it is about; behind a + stands in which form."""
        return self.path.name.partition("+")[0]

    @cached_property
    def setup(self) -> str:
        """What is there before the run."""
        return (self.path / "setup.sql").read_text()

    @cached_property
    def by_superuser(self) -> str:
        """What only a superuser can make, before that; empty: nothing."""
        path = self.path / "superuser.sql"
        return path.read_text() if path.exists() else ""

    @cached_property
    def bad(self) -> str:
        """What meets the rule, or, where nothing does, what might be thought to."""
        name = "bad.sql" if (self.path / "bad.sql").exists() else "change.sql"
        return (self.path / name).read_text()

    @property
    def lines(self) -> set[int]:
        """Where a statement that meets the rule begins, from 1."""
        numbered = enumerate(self.bad.splitlines(), 1)
        return {number for number, line in numbered if _HERE.search(line)}

    @cached_property
    def good(self) -> tuple[str, ...]:
        """The migrations to write instead."""
        further = (self.path / f"good.{number}.sql" for number in count(2))
        files = [self.path / "good.sql"]
        for path in further:
            if not path.exists():
                break
            files.append(path)
        return tuple(path.read_text() for path in files)

    def holds_on(self, major: int) -> bool:
        """Whether the case is for that major version."""
        path = self.path / "versions"
        if not path.exists():
            return True
        since, _, until = path.read_text().strip().partition("-")
        return int(since or 0) <= major <= int(until or major)


CASES = tuple(
    Case(path=path) for path in sorted(_FOLDER.iterdir()) if path.is_dir() and path.name != "silent"
)
SILENT = tuple(Case(path=path) for path in sorted((_FOLDER / "silent").iterdir()))


@dataclass(kw_only=True)
class Ground:
    """A server of our own for the rehearsals of one major version."""

    scratch: Scratch
    major: int
    #: Databases as their setups leave them, by the text of those.
    _ready: dict[str, Target] = field(default_factory=dict)
    #: What came of the bad files, by their folders: two tests look at some of them.
    _bad: dict[Path, Rehearsal] = field(default_factory=dict)

    def rehearse_bad(self, case: Case) -> Rehearsal:
        """Carry out what meets the rule of a case, behind its setup."""
        if case.path not in self._bad:
            self._bad[case.path] = self.rehearse(case, [case.bad])
        return self._bad[case.path]

    def rehearse(
        self, case: Case, texts: Sequence[str], *, version: tuple[int, ...] | None = None
    ) -> Rehearsal:
        """Carry migrations with these texts out behind the setup of a case.

        `version`: what is known of the target's.
        """
        database = self._prepared(case)
        copy = Copy(scratch=self.scratch, database=database, major=self.major, version=version)
        steps = [_step(number, text) for number, text in enumerate(texts, 1)]
        work = rehearse(copy, steps, _INFO, small=SmallTables())
        try:
            while True:
                next(work)
        except StopIteration as done:
            found: Rehearsal = done.value
        if any(_tried_twice(each) for each in found.migrations):
            self.scratch.drop(self._ready.pop(case.setup))
        return found

    def end(self, case: Case, texts: Sequence[str]) -> tuple[Snapshot, int]:
        """Run migrations with these texts, and return the schema then, and the number of NULLs."""
        database = self.scratch.clone(self._prepared(case))
        with opened(self.scratch, database, _INFO, ()) as place:
            place.engine.fill()
            place.run(_step(number, text) for number, text in enumerate(texts, 1))
            found = place.looker.snapshot()
            rows = place.looker.contents().tables.values()
            nulls = sum(value is None for table in rows for row in table.rows for value in row)
        self.scratch.drop(database)
        return found, nulls

    def _prepared(self, case: Case) -> Target:
        """Return a database as the setup leaves it, which is made where none is kept."""
        database = self._ready.pop(case.setup, None)
        if database is None:
            database = self.scratch.create()
            if case.by_superuser:
                above = self.scratch.privileged(database).conninfo
                with closing(psycopg.connect(above, autocommit=True)) as session:
                    session.execute(case.by_superuser.encode())
            with closing(psycopg.connect(database.conninfo, autocommit=True)) as session:
                session.execute(case.setup.encode())
            with opened(self.scratch, database, _INFO, ()):
                pass
        self._ready[case.setup] = database
        while len(self._ready) > _KEPT:
            self.scratch.drop(self._ready.pop(next(iter(self._ready))))
        return database


def _tried_twice(migration: MigrationRehearsal) -> bool:
    """Whether it may have run on the copy itself, and not on a clone with rows alone."""
    return any(
        each.trace.failure is not None or each.trace.failure_on_rows is not None
        for each in migration.statements
    )


def _step(number: int, text: str) -> Step:
    script = a_script(text, path=f"migrations/{number:03}_change.sql")
    step, findings = make_step(Version(f"{number:03}"), "change", script, Dialect.POSTGRESQL)
    assert not [each for each in findings if each.severity is Severity.ERROR], findings
    return step


@contextmanager
def grounds(servers: Servers, major: int) -> Iterator[Ground]:
    """Start a server of that major version for rehearsals; skip the test where there is none."""
    binaries = servers.binaries(major)
    programs = Programs(binaries=binaries, version=binaries.version(), origin="of the tests")
    with tempfile.TemporaryDirectory(prefix="banister-test-", dir=_quick()) as folder:
        Path(folder).chmod(0o711)
        settings = load_settings(Path(folder), env=None, environ={})
        with own_scratch(programs, Path(folder), settings, target=None) as scratch:
            yield Ground(scratch=scratch, major=major)


def all_findings(found: Rehearsal) -> list[HazardFinding]:
    """Return what was said of all migrations, also of several together."""
    return [*(f for each in found.migrations for f in each.all_findings), *found.across]


def _quick() -> Path | None:
    """Return a folder in memory where there is one: most of the time goes into copying files."""
    memory = Path("/dev/shm")
    return memory if os.access(memory, os.W_OK) else None
