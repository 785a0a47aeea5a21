"""Copying one SQLite database into another by the backup interface, with a look at how far it is.

https://www.sqlite.org/backup.html
"""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from banister.model import Event
from banister.model.backup import TableDumped, TableRestored

__all__ = ["copied", "open_file"]

#: Pages that are copied in one step, and seconds between two looks at how far it came.
_PAGES = 1_000
_EVERY = 0.1


@dataclass(kw_only=True)
class _Copying:
    """A copy on its way, in a thread of its own: the driver makes it in one call."""

    source: sqlite3.Connection
    into: Path
    #: Told the status of each step; what it raises ends the copy.
    patient: Callable[[int], None] | None
    #: Pages of one step.
    at_once: int = _PAGES
    done: int = 0
    total: int = 0
    stopped: bool = False
    raised: BaseException | None = field(default=None)

    def run(self) -> None:
        try:
            with closing(open_file(str(self.into), 0, uri=False)) as target:
                # So that whoever looks at the first step is not kept out by it.
                target.execute("PRAGMA cache_size = -16000")
                self.source.backup(
                    target, pages=self.at_once, progress=self._step, sleep=_EVERY / 10
                )
        except BaseException as error:  # noqa: BLE001 -- raised again by who waits
            self.raised = error

    def _step(self, status: int, remaining: int, total: int) -> None:
        self.done, self.total = total - remaining, total
        if self.stopped:
            raise InterruptedError
        if self.patient is not None:
            self.patient(status)


def copied(
    source: sqlite3.Connection,
    into: Path,
    event: type[TableDumped] | type[TableRestored],
    patient: Callable[[int], None] | None = None,
    *,
    at_once: int | None = None,
) -> Iterator[Event]:
    """Copy a database into a file, and tell how far it came; the copy ends when this is closed."""
    copying = _Copying(source=source, into=into, patient=patient, at_once=at_once or _PAGES)
    thread = threading.Thread(target=copying.run, daemon=True)
    thread.start()
    try:
        while thread.is_alive():
            thread.join(_EVERY)
            if copying.total:
                yield event(table="pages", number=copying.done, total=copying.total)
    finally:
        copying.stopped = True
        thread.join()
    if copying.raised is not None:
        raise copying.raised


def open_file(where: str, wait: float, *, uri: bool = True) -> sqlite3.Connection:
    """Open a database, by its path or its URI; `wait`: seconds for a lock."""
    return sqlite3.connect(
        where, uri=uri, timeout=wait, isolation_level=None, check_same_thread=False
    )
