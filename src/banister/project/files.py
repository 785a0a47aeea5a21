"""Reading a migrations folder: files → migrations and everything that is wrong with them."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path

from banister.errors import Finding, Location, Severity, UsageError
from banister.model import Dialect, Direction, Folder, Migration, Script, Version
from banister.project.large_file import read_large_script
from banister.project.names import (
    FileName,
    advice_for,
    leading_digits,
    parse_name,
    width_findings,
)
from banister.script import decode, make_script

__all__ = ["count_migrations", "has_files_for", "read_folder"]

_CHUNK = 1 << 16

#: Bytes: a longer text is read piece by piece, and a down text as long is not kept in the database.
_LARGE = 1 << 20


def read_folder(dir: Path, dialect: Dialect | None, *, shown: str) -> Folder:  # noqa: A002  (the setting's name)
    """Read the migrations in `dir` for the engine of `dialect`.

    An engine's own file wins over the plain one; a migration that only other engines have is left
    out. With no dialect the plain file wins, then PostgreSQL's, then SQLite's. Everything that is
    wrong is in the findings, all of it at once; statements are not split here. Hidden files,
    subfolders and files that do not end in `.sql` are left alone. Raises UsageError when the
    folder cannot be read at all.
    """
    reader = _Reader(dir=dir, dialect=dialect, shown=shown)
    names = sorted(reader.names(), key=lambda name: (name.number, name.file))
    migrations = []
    for _, group in groupby(names, key=lambda name: name.number):
        migration = reader.migration(tuple(group))
        if migration is not None:
            migrations.append(migration)
    findings = [*reader.findings, *width_findings(names, shown)]
    return Folder(
        path=shown,
        migrations=tuple(migrations),
        unreadable=frozenset(reader.unreadable),
        findings=tuple(findings),
    )


def has_files_for(dir: Path, dialect: Dialect) -> bool:  # noqa: A002  (as above)
    """Whether a folder holds files for that engine alone; False where it cannot be read."""
    try:
        return any(name.endswith(f".{dialect.value}.sql") for name in os.listdir(dir))  # noqa: PTH208  (names are all that is needed)
    except OSError:
        return False


def count_migrations(dir: Path, dialect: Dialect | None) -> int:  # noqa: A002  (as above)
    """Return how many migrations a folder holds for that engine, or for any, by their names alone.

    Raises OSError.
    """
    named = map(parse_name, os.listdir(dir))  # noqa: PTH208  (as above)
    return len(
        {
            name.number
            for name in named
            if name is not None
            and name.direction is Direction.UP
            and (dialect is None or name.engine in {None, dialect})
        }
    )


@dataclass(kw_only=True)
class _Reader:
    """One reading of a folder: collects findings while it goes."""

    dir: Path
    dialect: Dialect | None
    shown: str
    findings: list[Finding] = field(default_factory=list)
    unreadable: set[Version] = field(default_factory=set)
    _real: str | None = None

    def names(self) -> Iterator[FileName]:
        """Yield the migration files; note what is beside them."""
        for entry in sorted(self._entries(), key=lambda entry: entry.name):
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                self._look_into(entry)
            elif entry.name.lower().endswith(".sql"):
                name = parse_name(entry.name)
                if name is None:
                    self._add_bad_name(entry.name)
                elif self._is_usable(entry):
                    yield name

    def migration(self, group: tuple[FileName, ...]) -> Migration | None:
        """Return the migration of one number, or None where it has no readable up."""
        ups = [name for name in group if name.direction is Direction.UP]
        downs = [name for name in group if name.direction is Direction.DOWN]
        if not ups:
            self._add_missing_up(downs[0])
            return None
        self._check_names(ups, downs)
        up_name = self._choose(ups)
        if up_name is None:
            return None
        same = [name for name in downs if name.name == up_name.name]
        down_name = self._choose(same)
        up = self._read(up_name)
        down = self._read(down_name) if down_name else None
        if up is None:
            self.unreadable.add(Version(up_name.version))
            return None
        if not downs and not up.directives.irreversible:
            self._add(
                Severity.NOTICE,
                "missing_down",
                f"{up_name.version}_{up_name.name} has no down file, so it cannot be rolled back",
                up_name,
                hint="write one, or say `-- banister: irreversible` at the top of the up file",
            )
        if down_name and up.directives.irreversible:
            self._add(
                Severity.ERROR,
                "irreversible_with_down",
                f"{up_name.version}_{up_name.name} says that it is irreversible and has a down "
                "file",
                up_name,
                hint=f"remove the directive, or the file {down_name.file}",
            )
        return Migration(version=Version(up_name.version), name=up_name.name, up=up, down=down)

    def _entries(self) -> Iterable[os.DirEntry[str]]:
        try:
            with os.scandir(self.dir) as entries:
                return list(entries)
        except FileNotFoundError:
            message = f"there is no folder {self.shown}"
            hint = "make it with `banister init`, or name another with --dir"
        except NotADirectoryError:
            message, hint = f"{self.shown} is not a folder", "name a folder with --dir"
        except OSError as exc:
            message, hint = f"{self.shown} cannot be read: {exc.strerror}", None
        raise UsageError(message, hint=hint)

    def _look_into(self, entry: os.DirEntry[str]) -> None:
        """Note a subfolder that holds migrations: nobody else would say that they are not run."""
        if entry.name.lower().endswith(".sql"):
            self._add_bad_file(entry.name, "it is a folder", "rename it")
            return
        try:
            with os.scandir(entry.path) as inside:
                held = any(parse_name(found.name) for found in inside)
        except OSError:
            return
        if held:
            self._add_bad_file(
                entry.name,
                "the subfolder holds migrations, and they are not run",
                f"move them up into {self.shown}, or name the subfolder with --dir",
                severity=Severity.NOTICE,
                code="subfolder",
            )

    def _is_usable(self, entry: os.DirEntry[str]) -> bool:
        if entry.is_symlink():
            if self._real is None:
                self._real = os.path.realpath(self.dir)
            real = os.path.realpath(entry.path)
            if os.path.commonpath([self._real, real]) != self._real:
                self._add_bad_file(
                    entry.name,
                    "it is a link that leads out of the folder",
                    "put the file itself here: what runs must be what is reviewed",
                    code="link_outside",
                )
                return False
            if not os.path.exists(real):  # noqa: PTH110  (false, not an error, for a link to itself)
                self._add_bad_file(entry.name, "it is a link to nothing", "remove it")
                return False
        if not entry.is_file():
            self._add_bad_file(entry.name, "it is not a regular file", "remove it")
            return False
        return True

    def _check_names(self, ups: list[FileName], downs: list[FileName]) -> None:
        labels = dict.fromkeys((name.version, name.name) for name in ups)
        if len(labels) > 1:
            files = " and ".join(_first(ups, label).file for label in labels)
            self._add(
                Severity.ERROR,
                "duplicate_version",
                f"the number {ups[0].number} is given twice: {files}",
                ups[0],
                hint="give one of them the next free number",
            )
        known = {name.name for name in ups}
        for name in downs:
            if name.name not in known:
                self._add(
                    Severity.ERROR,
                    "name_mismatch",
                    f"{name.file} does not have the name of its up file {ups[0].file}",
                    name,
                    hint="rename one of the two",
                )

    def _choose(self, names: list[FileName]) -> FileName | None:
        wanted = (
            (self.dialect, None)
            if self.dialect is not None
            else (None, Dialect.POSTGRESQL, Dialect.SQLITE)
        )
        for engine in wanted:
            for name in names:
                if name.engine is engine:
                    return name
        return None

    def _read(self, name: FileName) -> Script | None:
        path = f"{self.shown}/{name.file}"
        try:
            script, findings = self._read_script(f"{self.dir}/{name.file}", name.direction, path)
        except OSError as exc:
            self._add(Severity.ERROR, "unreadable", f"it cannot be read: {exc.strerror}", name)
            return None
        self._take(findings, name)
        return script

    def _read_script(
        self, file: str, direction: Direction, path: str
    ) -> tuple[Script | None, tuple[Finding, ...]]:
        data = _read_bytes(file)
        if data is None:
            return read_large_script(file, direction, shown=path)
        source, findings = decode(data, path, dialect=self.dialect or Dialect.POSTGRESQL)
        if source is None:
            return None, findings
        script, more = make_script(source, direction)
        return script, (*findings, *more)

    def _take(self, findings: tuple[Finding, ...], name: FileName) -> None:
        for finding in findings:
            self.findings.append(replace(finding, version=finding.version or name.version))

    def _add_missing_up(self, name: FileName) -> None:
        self._add(
            Severity.ERROR,
            "missing_up",
            f"{name.file} has no up file",
            name,
            hint="add the up file, or remove this one",
        )

    def _add_bad_name(self, file: str) -> None:
        reason, hint = advice_for(file)
        self._add_bad_file(file, reason, hint)

    def _add_bad_file(
        self,
        file: str,
        reason: str,
        hint: str,
        *,
        severity: Severity = Severity.ERROR,
        code: str = "bad_name",
    ) -> None:
        printable = "".join(char if char.isprintable() else "?" for char in file)
        self.findings.append(
            Finding(
                severity=severity,
                code=code,
                message=f"{printable}: {reason}",
                location=Location(path=f"{self.shown}/{printable}"),
                hint=hint,
                version=leading_digits(file),
            )
        )

    def _add(
        self, severity: Severity, code: str, message: str, name: FileName, hint: str | None = None
    ) -> None:
        self.findings.append(
            Finding(
                severity=severity,
                code=code,
                message=message,
                location=Location(path=f"{self.shown}/{name.file}"),
                hint=hint,
                version=name.version,
            )
        )


def _read_bytes(path: str) -> bytes | None:
    """Read a file with as few system calls as there can be: folders hold thousands of them.

    None: it is too large to be held in memory.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        data = os.read(descriptor, _CHUNK)
        if len(data) < _CHUNK:
            return data
        parts = [data]
        left = _LARGE - _CHUNK
        while data and left >= 0:
            data = os.read(descriptor, _CHUNK)
            parts.append(data)
            left -= len(data)
        return b"".join(parts) if left >= 0 else None
    finally:
        os.close(descriptor)


def _first(names: Iterable[FileName], label: tuple[str, str]) -> FileName:
    return next(name for name in names if (name.version, name.name) == label)
