"""Rows that a run has saved before it took them away: which there are, and back again."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from banister.backup.told import a_count, a_list, a_value, one_of, wrong
from banister.errors import UsageError
from banister.model import Dialect, Plan, Version
from banister.model.backup import SavedFile
from banister.model.losses import Loss, LossKind
from banister.rehearsal import Rehearsal
from banister.rehearsal.losses import losses_of, unsaved

__all__ = ["LossFinder", "saved_files"]

_FORMAT = 1
_PREFIX = "rows_"
_NOTHING = "no rows were put back; those of other files go back where this one is moved away"
_UNTOLD = f"without it nothing tells what the rows beside it are; {_NOTHING}"


@dataclass(frozen=True, kw_only=True)
class LossFinder:
    """Finds what a plan takes away, by carrying it out on a scratch copy."""

    dialect: Dialect
    rehearse: Callable[[Plan], Rehearsal]

    def __call__(self, plan: Plan) -> Mapping[Version, tuple[Loss, ...]]:
        """Return it by version; nothing on SQLite, which tells as each statement is compiled.

        Raises UsageError where rows go outside a transaction, and what a rehearsal raises: nothing
        was run then.
        """
        if self.dialect is Dialect.SQLITE:
            return {}
        rehearsal = self.rehearse(plan)
        outside = unsaved(rehearsal)
        if outside:
            raise UsageError(
                f"{', '.join(outside)} takes rows away outside a transaction, where they cannot be "
                "saved with it",
                hint="make a backup instead, with --backup",
            )
        return losses_of(rehearsal)


def saved_files(folder: Path, run: str) -> tuple[SavedFile, ...]:
    """Return what a run has saved, in the order in which it was, every file as it was written.

    `run`: the number of the run, or the path of its folder. Raises UsageError where there is none,
    or a file is not what was written.
    """
    places = (folder / f"{_PREFIX}{run.removeprefix(_PREFIX)}", Path(run))
    place = next((each for each in places if _is_folder(each)), None)
    if place is None:
        there = sorted(each.name.removeprefix(_PREFIX) for each in folder.glob(f"{_PREFIX}*"))
        raise UsageError(
            f"no rows are saved of a run {run}",
            hint="there are: " + ", ".join(there) if there else "no run has saved any",
        )
    found = [_read(path) for path in place.glob("*.json")]
    if not found:
        raise UsageError(f"there are no rows in {place}", hint="give the number of a run")
    return tuple(sorted(found, key=lambda each: (Version(each.version), each.statement, each.path)))


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        # A name that no folder can have.
        return False


def _read(manifest: Path) -> SavedFile:
    path = manifest.with_name(manifest.name.removesuffix(".json"))
    try:
        told = json.loads(manifest.read_text("utf-8"))
        if not isinstance(told, dict):
            raise TypeError("it is no object")  # noqa: TRY301 -- told as all that is wrong with it
        if a_count(told, "format") > _FORMAT:
            raise UsageError(
                f"{manifest} is of a newer version of Banister",
                hint="use that version, or a newer one",
            )
        saved = _saved(told, path)
        digest = a_value(told, "sha256", str)
    except OSError as error:
        raise UsageError(f"{manifest} cannot be read: {error.strerror}", hint=_UNTOLD) from error
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _no_manifest(manifest, "it is not JSON") from error
    except (ValueError, KeyError, TypeError) as error:
        raise _no_manifest(manifest, wrong(error)) from error
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", hint=_NOTHING) from error
    if found != digest:
        raise UsageError(
            f"{path} is damaged: it is not what was written", code="backup_damaged", hint=_NOTHING
        )
    return saved


def _saved(told: Mapping[str, Any], path: Path) -> SavedFile:
    return SavedFile(
        path=str(path),
        run_id=a_value(told, "run_id", str),
        version=a_value(told, "version", str),
        statement=a_count(told, "statement"),
        kind=one_of(told, "kind", LossKind),
        schema=a_value(told, "schema", str),
        table=a_value(told, "table", str),
        key=a_list(told, "key"),
        columns=a_list(told, "columns"),
        lost_columns=a_list(told, "lost_columns"),
        rows=a_count(told, "rows"),
        moved=a_value({"moved": False, **told}, "moved", bool),
    )


def _no_manifest(manifest: Path, why: str) -> UsageError:
    return UsageError(f"{manifest} is no manifest of saved rows: {why}", hint=_UNTOLD)
