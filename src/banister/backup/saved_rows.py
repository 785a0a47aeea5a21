"""Rows that a run has saved before it took them away: which there are, and back again."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from banister.errors import UsageError
from banister.model import Dialect, Plan, Version
from banister.model.backup import SavedFile
from banister.model.losses import Loss, LossKind
from banister.rehearsal import Rehearsal
from banister.rehearsal.losses import losses_of, unsaved

__all__ = ["LossFinder", "saved_files"]

_FORMAT = 1
_PREFIX = "rows_"


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
    place = folder / f"{_PREFIX}{run.removeprefix(_PREFIX)}"
    if not place.is_dir():
        place = Path(run)
    if not place.is_dir():
        there = sorted(each.name.removeprefix(_PREFIX) for each in folder.glob(f"{_PREFIX}*"))
        raise UsageError(
            f"no rows are saved of a run {run}",
            hint="there are: " + ", ".join(there) if there else "no run has saved any",
        )
    found = [_read(path) for path in place.glob("*.json")]
    if not found:
        raise UsageError(f"there are no rows in {place}")
    return tuple(sorted(found, key=lambda each: (Version(each.version), each.statement, each.path)))


def _read(manifest: Path) -> SavedFile:
    path = manifest.with_name(manifest.name.removesuffix(".json"))
    try:
        told: dict[str, Any] = json.loads(manifest.read_text("utf-8"))
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if told["format"] != _FORMAT:
            raise UsageError(f"{manifest} is of a newer version of Banister")
        if digest != told["sha256"]:
            raise UsageError(
                f"{path} is damaged: it is not what was written", code="backup_damaged"
            )
        return SavedFile(
            path=str(path),
            run_id=str(told["run_id"]),
            version=str(told["version"]),
            statement=int(told["statement"]),
            kind=LossKind(told["kind"]),
            schema=str(told["schema"]),
            table=str(told["table"]),
            key=tuple(map(str, told["key"])),
            columns=tuple(map(str, told["columns"])),
            lost_columns=tuple(map(str, told["lost_columns"])),
            rows=int(told["rows"]),
            moved=bool(told.get("moved", False)),
        )
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{manifest} is no manifest of saved rows: {error}") from error
