"""What earlier runs have proven of the same texts on the same server, kept in a file."""

import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from banister._version import __version__
from banister.model import RowChange, RowLoss, Script
from banister.planning import PlanOptions
from banister.proof.units import Unit
from banister.proof.verdicts import (
    AgainVerdict,
    ChainProof,
    DataProof,
    DataVerdict,
    DownVerdict,
    Proof,
)
from banister.scratch import Scratch

__all__ = ["Book", "Remembered"]

#: Proofs that are kept, the oldest going first.
_MOST = 5000
_FORMAT = 2


@dataclass(frozen=True, kw_only=True)
class Remembered:
    """Where proofs are kept; None: nowhere."""

    path: Path | None = None

    def opened(
        self, units: tuple[Unit, ...], scratch: Scratch, plan: PlanOptions, *, with_rows: bool
    ) -> "Book":
        """Return what is known about these units on this server.

        A file that is missing or cannot be read knows nothing. Never raises.
        """
        settings = scratch.settings
        base = [
            __version__, scratch.identity, plan.dialect, with_rows, str(settings.history),
            settings.search_path, settings.timezone, settings.statement_timeout,
            sorted(settings.scratch_roles),
        ]  # fmt: skip
        keys = tuple(_keys(units, json.dumps(base)))
        return Book(path=self.path, units=units, keys=keys, entries=_read(self.path))


@dataclass(kw_only=True)
class Book:
    """What is known of the units of one run, and what is to be kept of them."""

    path: Path | None
    units: tuple[Unit, ...]
    #: Of each unit: what its proof depends on. The last one is that of the whole way.
    keys: tuple[str, ...]
    entries: dict[str, Any]
    changed: dict[str, Any] = field(default_factory=dict)

    def proofs(self, number: int) -> tuple[Proof, ...] | None:
        """Return what is known of a unit; None: nothing."""
        found = self.entries.get(self.keys[number])
        migrations = self.units[number].migrations
        together = tuple(m.version for m in migrations) if len(migrations) > 1 else ()
        try:
            if found is None:
                return None
            data = DataProof(
                verdict=DataVerdict(found["data"]),
                losses=tuple(_loss(each) for each in found["losses"]),
                reason=found["reason"],
            )
            return tuple(
                Proof(
                    version=migration.version,
                    name=migration.name,
                    down=DownVerdict(found["down"]),
                    again=AgainVerdict(found["again"]),
                    kept=tuple(map(str, found["kept"])),
                    data=data,
                    together=together,
                    cached=True,
                )
                for migration in migrations
            )
        except (KeyError, TypeError, ValueError):
            return None

    def chain(self, floor: int) -> ChainProof | None:
        """Return what is known of the whole way down to `floor` units; None: nothing."""
        found = self.entries.get(f"{self.keys[-1]} {floor}")
        going = self.units[floor:]
        try:
            if found is None:
                return None
            return ChainProof(
                stopped_at=self.units[floor - 1].migrations[-1].version if floor else None,
                length=sum(len(unit.migrations) for unit in going),
                down=DownVerdict(found["down"]),
                again=AgainVerdict(found["again"]),
                cached=True,
            )
        except (KeyError, TypeError, ValueError):
            return None

    def keep(self, number: int, proofs: tuple[Proof, ...]) -> None:
        """Keep what came of a unit where nothing has to be done; the rest is tried again."""
        first = proofs[0]
        if any(not p.good or p.differences or p.differences_again or p.error for p in proofs):
            return
        self.changed[self.keys[number]] = {
            "down": first.down,
            "again": first.again,
            "kept": list(first.kept),
            "data": first.data.verdict,
            "losses": [[e.table, e.column, e.rows, e.change] for e in first.data.losses],
            "reason": first.data.reason,
        }

    def keep_chain(self, floor: int, chain: ChainProof) -> None:
        """Keep what came of the whole way where nothing has to be done."""
        if chain.good and not (chain.differences or chain.differences_again or chain.error):
            value = {"down": chain.down, "again": chain.again}
            self.changed[f"{self.keys[-1]} {floor}"] = value

    def save(self) -> None:
        """Write what is new, in one piece; a file that cannot be written is left alone."""
        if self.path is None or not self.changed:
            return
        # Another run may have written meanwhile.
        entries = {**_read(self.path), **self.changed}
        kept = dict(list(entries.items())[-_MOST:])
        with suppress(OSError):
            _replace(self.path, json.dumps({"format": _FORMAT, "entries": kept}))


def _replace(path: Path, text: str) -> None:
    """Write a file in one piece, in a folder that git leaves alone."""
    if not path.parent.exists():
        path.parent.mkdir()
        (path.parent / ".gitignore").write_text("*\n", encoding="utf-8")
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    made = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        made.replace(path)
    except BaseException:
        made.unlink()
        raise


def _keys(units: Iterable[Unit], base: str) -> Iterator[str]:
    """Yield for each unit the hash of what its proof depends on; then one of everything."""
    before, everything = sha256(base.encode()), sha256(base.encode())
    for unit in units:
        ups = [_said(migration.up) for migration in unit.migrations]
        downs = [_said(migration.down) for migration in unit.migrations]
        names = [migration.label for migration in unit.migrations]
        mine = before.copy()
        mine.update(json.dumps([names, ups, downs]).encode())
        yield mine.hexdigest()
        before.update(json.dumps([names, ups]).encode())
        everything.update(json.dumps([names, ups, downs]).encode())
    yield everything.hexdigest()


def _said(script: Script | None) -> list[object] | None:
    """Return a text and what it asks for."""
    if script is None:
        return None
    asked = script.directives
    return [
        script.checksum, asked.transaction, sorted(asked.tags), asked.lock_timeout,
        asked.irreversible, asked.group, asked.keep, asked.foreign_keys,
    ]  # fmt: skip


def _loss(each: Iterable[Any]) -> RowLoss:
    table, column, rows, change = each
    return RowLoss(table=table, column=column, rows=int(rows), change=RowChange(change))


def _read(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    entries = found.get("entries") if isinstance(found, Mapping) else None
    known = isinstance(entries, dict) and found.get("format") == _FORMAT
    return dict(entries) if known and isinstance(entries, dict) else {}
