"""The settings of a project: finding the file, and flag > variable > environment table > file."""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any

from banister.errors import Location, UsageError
from banister.model import HistoryTable
from banister.project.keys import KEYS, SYSTEM_ROOTS, Key, Kind, key_named
from banister.project.toml_file import TomlFile, read_toml
from banister.project.values import BadValue, read_text, read_value

__all__ = ["Settings", "load_settings"]

_OWN_FILE = "banister.toml"
_PYPROJECT = "pyproject.toml"
_PREFIX = "BANISTER_"
#: Read elsewhere: which database, and which environment.
_SPECIAL_VARIABLES = ("BANISTER_URL", "BANISTER_ENV")
_FOREIGN_PREFIXES = ("BANISTER_TEST_", "BANISTER_REQUIRE_")
_NOTHING: Mapping[str, object] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What holds for this run, in this project. Times are in seconds."""

    #: The folder of the settings file, or the one the command was started in.
    root: Path
    #: The folder the command was started in: relative paths that the user types begin here.
    start: Path = field(default_factory=Path.cwd)
    #: None: there is none, and the defaults hold.
    file: Path | None = None
    #: The migrations folder, absolute.
    dir: Path
    #: The migrations folder as the user should see it.
    shown_dir: str
    #: The environment that is named; None: none.
    env: str | None = None
    #: Names of all environments in the file, in its order.
    environments: tuple[str, ...] = ()
    history: HistoryTable = field(default_factory=HistoryTable)
    skip_tags: frozenset[str] = frozenset()
    #: Tags that only run in a database that was new; empty: no tag is special.
    seed_when_empty: frozenset[str] = frozenset()
    lock_timeout: float = 1.0
    #: How long a step is tried again while others are in its way; 0: never.
    lock_retry: float = 900.0
    statement_timeout: float | None = None
    #: How long to wait for another run.
    lock_wait: float = 600.0
    #: None: the role that logged in.
    role: str | None = None
    search_path: str | None = None
    timezone: str | None = None
    #: Where the URL does not say.
    sslmode: str | None = None
    #: The same; a path, absolute, or "system".
    sslrootcert: str | None = None
    #: A server on which scratch databases may be made, references not yet replaced.
    scratch_url: str | None = field(default=None, repr=False)
    #: Roles that a scratch server of our own is given.
    scratch_roles: frozenset[str] = frozenset()
    #: What `verify` proves as one: "migration" or "chain".
    verify_unit: str = "migration"
    #: Whether `verify` looks what becomes of generated rows.
    verify_data: bool = True
    #: What `drift` passes over: kinds and names with wildcards.
    drift_ignore: frozenset[str] = frozenset()
    #: Whether `plan` carries pending migrations out on a scratch copy.
    plan_rehearse: bool = True
    #: The verdict from which on `plan --check` finds something.
    plan_check: str = "blocks-writes"
    #: Whether a scratch server of another major is good enough for it.
    plan_other_major: bool = False
    #: Tables of at most so many rows and bytes are too small to matter.
    plan_small_rows: int = 10_000
    plan_small_bytes: int = 16 * 1024 * 1024
    #: When `up` and `down` make a backup first: "always", "when-destructive" or "never".
    backup: str = "never"
    #: The folder of backups, absolute.
    backup_dir: Path
    backup_form: str = "plain"
    backup_compress: bool = False
    backup_jobs: int = 2
    #: Whether a run's backup is restored into a scratch database before it counts.
    backup_test: bool = True
    #: How many, and of how many days, are kept; 0: all.
    backup_keep: int = 0
    backup_keep_days: int = 0
    #: Whether rows that a migration takes away are saved first.
    backup_rows: bool = False
    #: What makes the backup instead; empty: Banister does.
    backup_command: tuple[str, ...] = ()
    #: Whether the statements of sessions that are waited for may be shown.
    show_queries: bool = False
    out_of_order: bool = False
    #: The `url` of the named environment as the file has it, references not yet replaced.
    url: str | None = field(default=None, repr=False)
    #: Where that stands, or the environment's table where it has none.
    env_location: Location | None = None


def load_settings(
    start: Path,
    *,
    env: str | None,
    environ: Mapping[str, str],
    overrides: Mapping[str, object] = _NOTHING,
) -> Settings:
    """Read the settings that hold in the folder `start`.

    `banister.toml`, or `pyproject.toml` with a `[tool.banister]` table, is looked for in `start`
    and its parents, up to the first folder that holds `.git`. `env` names an environment;
    `BANISTER_ENV` does when it is None or empty. `overrides` are flags by setting name; None means
    not given. Relative folders in flags and variables begin at `start`, those in the file beside
    the file. Raises UsageError with the place for anything unknown or of the wrong kind.
    """
    start = Path(os.path.abspath(start))  # noqa: PTH100  (no links followed, and no ".." left)
    path = _find(start)
    tables = _Tables.read(path, shown=_shown(path, start)) if path else None
    env = env or environ.get("BANISTER_ENV") or None
    values: dict[str, object] = {}
    bases: dict[str, Path] = {}
    root = path.parent if path else start
    layers = (
        (root, _defaults()),
        (root, tables.values_at_top() if tables else {}),
        (root, _environment_values(tables, env)),
        (start, _from_variables(environ)),
        (start, _from_flags(overrides)),
    )
    for base, layer in layers:
        values |= layer
        bases |= dict.fromkeys(layer, base)
    folder = str(values.pop("dir"))
    if "://" in folder:
        # Not repeated: it may hold a password.
        raise UsageError(
            "a URL is given as the folder of the migrations",
            hint="name the database with --url or DATABASE_URL, and the folder with --dir",
        )
    directory = Path(os.path.abspath(bases["dir"] / folder))  # noqa: PTH100  (as above)
    if values["sslrootcert"] not in (None, SYSTEM_ROOTS):
        values["sslrootcert"] = os.path.abspath(bases["sslrootcert"] / str(values["sslrootcert"]))  # noqa: PTH100  (as above)
    values["backup_dir"] = Path(os.path.abspath(bases["backup_dir"] / str(values["backup_dir"])))  # noqa: PTH100  (as above)
    env_location = tables.file.locate(*tables.path, "env", env, "url") if tables and env else None
    history = HistoryTable(
        schema=str(values.pop("history_schema")), name=str(values.pop("history_table"))
    )
    known: dict[str, Any] = values
    return Settings(
        root=root,
        start=start,
        file=path,
        dir=directory,
        shown_dir=_shown(directory, start),
        env=env,
        environments=tuple(tables.environments) if tables else (),
        history=history,
        env_location=env_location,
        **known,
    )


def _find(start: Path) -> Path | None:
    for folder in (start, *start.parents):
        own, pyproject = folder / _OWN_FILE, folder / _PYPROJECT
        own_is_there, in_pyproject = own.is_file(), _has_our_table(pyproject, start)
        if own_is_there and in_pyproject:
            names = f"{_shown(own, start)} and in [tool.banister] of {_shown(pyproject, start)}"
            raise UsageError(
                f"there are settings in {names}",
                location=Location(path=_shown(own, start)),
                hint="keep one of the two",
            )
        if own_is_there or in_pyproject:
            return own if own_is_there else pyproject
        if (folder / ".git").exists():
            return None
    return None


def _has_our_table(path: Path, start: Path) -> bool:
    """Whether a pyproject.toml speaks of Banister; one that does not is not even parsed."""
    try:
        mentioned = b"banister" in path.read_bytes()
    except OSError:
        return False
    if not mentioned:
        return False
    tool = read_toml(path, shown=_shown(path, start)).data.get("tool")
    return isinstance(tool, dict) and "banister" in tool


def _shown(path: Path, start: Path) -> str:
    return str(path.relative_to(start)) if path.is_relative_to(start) else str(path)


@dataclass(frozen=True, kw_only=True)
class _Tables:
    """The part of a settings file that is ours."""

    file: TomlFile
    #: Where our table is in the file: ("tool", "banister") or nothing.
    path: tuple[str, ...]
    top: Mapping[str, object]
    environments: Mapping[str, Mapping[str, object]]

    @classmethod
    def read(cls, path: Path, *, shown: str) -> "_Tables":
        file = read_toml(path, shown=shown)
        inside = () if path.name == _OWN_FILE else ("tool", "banister")
        top: object = file.data
        for name in inside:
            top = top[name] if isinstance(top, dict) else None
        if not isinstance(top, dict):
            raise UsageError(
                "tool.banister must be a table",
                location=file.locate(*inside),
                hint="begin it with a line [tool.banister]",
            )
        environments = top.get("env", {})
        if not isinstance(environments, dict):
            raise UsageError(
                "env must be a table of environments",
                location=file.locate(*inside, "env"),
                hint="an environment is a table of its own, such as [env.production]; which one "
                "to use is said by --env or BANISTER_ENV",
            )
        for name, table in environments.items():
            if not isinstance(table, dict):
                raise UsageError(
                    f"env.{name} must be a table",
                    location=file.locate(*inside, "env", name),
                    hint=f"begin it with a line {cls._header(inside, name)}",
                )
        tables = cls(
            file=file,
            path=inside,
            top={name: value for name, value in top.items() if name != "env"},
            environments=environments,
        )
        for name in environments:
            tables.values_of(name)
        return tables

    @staticmethod
    def _header(inside: tuple[str, ...], name: str) -> str:
        return f"[{'.'.join((*inside, 'env', name))}]"

    def values_at_top(self) -> dict[str, object]:
        if "url" in self.top:
            raise UsageError(
                "a url at the top of the settings would hold for everyone and everywhere",
                location=self.file.locate(*self.path, "url"),
                hint=f"put it into a table such as {self._header(self.path, 'production')}, or "
                "into DATABASE_URL, or give --url",
            )
        return self._read(self.top, self.path)

    def values_of(self, environment: str) -> dict[str, object]:
        return self._read(
            self.environments[environment], (*self.path, "env", environment), url=True
        )

    def _read(
        self, table: Mapping[str, object], path: tuple[str, ...], *, url: bool = False
    ) -> dict[str, object]:
        values: dict[str, object] = {}
        allowed = [key.name for key in KEYS if url or key.kind is not Kind.URL]
        for written, value in _flat(table):
            name = "_".join(written)
            key = key_named(name)
            place = self.file.locate(*path, *written)
            if key is None:
                words = allowed if url else [*allowed, "env"]
                raise UsageError(
                    f'unknown setting "{".".join(written)}"',
                    location=place,
                    hint=_did_you_mean(name, words),
                )
            if name in values:
                raise UsageError(f"{name} is given twice", location=place, hint="keep one of them")
            if key.kind is Kind.URL and value == "":
                continue
            values[name] = _checked(key, read_value, value, place=place)
        return values


def _flat(table: Mapping[str, object]) -> Iterator[tuple[tuple[str, ...], object]]:
    """Yield the settings of a table; `verify.unit` is another way to write `verify_unit`."""
    for name, value in table.items():
        inside = any(key.name.startswith(f"{name}_") for key in KEYS)
        if isinstance(value, dict) and inside:
            yield from (((name, part), each) for part, each in value.items())
        else:
            yield (name,), value


def _environment_values(tables: _Tables | None, env: str | None) -> dict[str, object]:
    if env is None:
        return {}
    if tables is None:
        raise UsageError(
            f'there is no environment "{env}", since there is no settings file',
            hint=f"make {_OWN_FILE} with a table [env.{env}]",
        )
    if env not in tables.environments:
        raise UsageError(
            f'there is no environment "{env}"',
            location=Location(path=tables.file.shown),
            hint=_did_you_mean(env, list(tables.environments))
            if tables.environments
            else f"the file names none; add a table [{'.'.join((*tables.path, 'env', env))}]",
        )
    return tables.values_of(env)


def _defaults() -> dict[str, object]:
    return {key.name: None if key.default is None else read_value(key, key.default) for key in KEYS}


def _from_variables(environ: Mapping[str, str]) -> dict[str, object]:
    values: dict[str, object] = {}
    keys = {key.variable: key for key in KEYS if key.kind is not Kind.URL}
    for name in _our_variables(environ):
        key = keys.get(name)
        if key is None:
            raise UsageError(
                f"unknown variable {name}",
                hint=_did_you_mean(name, [*keys, *_SPECIAL_VARIABLES]),
            )
        if environ[name]:
            values[key.name] = _checked(key, read_text, environ[name], variable=name)
    return values


def _our_variables(environ: Mapping[str, str]) -> Iterator[str]:
    for name in sorted(environ):
        ours = name.startswith(_PREFIX) and name not in _SPECIAL_VARIABLES
        if ours and not name.startswith(_FOREIGN_PREFIXES):
            yield name


def _from_flags(overrides: Mapping[str, object]) -> dict[str, object]:
    values: dict[str, object] = {}
    names = [key.name for key in KEYS if key.kind is not Kind.URL]
    for name, value in overrides.items():
        key = key_named(name) if name in names else None
        if key is None:
            raise UsageError(f'unknown setting "{name}"', hint=_did_you_mean(name, names))
        if value is not None:
            values[name] = _checked(key, read_text if isinstance(value, str) else read_value, value)
    return values


def _checked(
    key: Key,
    read: Callable[[Key, Any], object],
    value: object,
    *,
    place: Location | None = None,
    variable: str | None = None,
) -> object:
    try:
        return read(key, value)
    except BadValue as exc:
        message = f"{variable}: {exc}" if variable else str(exc)
        raise UsageError(message, location=place, hint=exc.hint) from exc


def _did_you_mean(word: str, known: list[str]) -> str:
    close = get_close_matches(word, known, n=1)
    return f'did you mean "{close[0]}"?' if close else "known are: " + ", ".join(known)
