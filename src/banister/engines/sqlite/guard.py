"""What a migration's statements must not do, decided as SQLite compiles them.

https://www.sqlite.org/c3ref/set_authorizer.html
"""

import sqlite3
from dataclasses import dataclass

__all__ = ["Guard", "Refusal"]

_WRITES = {
    sqlite3.SQLITE_INSERT: "adds rows to",
    sqlite3.SQLITE_UPDATE: "changes rows of",
    sqlite3.SQLITE_DELETE: "deletes rows of",
    sqlite3.SQLITE_DROP_TABLE: "drops",
}
_ROWS = frozenset({sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE})
#: Names of files that are in memory, or gone when the session ends.
_NO_FILES = frozenset({"", ":memory:"})
#: Actions whose second argument is the table.
_ALTERS = {
    sqlite3.SQLITE_ALTER_TABLE: "alters",
    sqlite3.SQLITE_DROP_INDEX: "drops an index of",
    sqlite3.SQLITE_DROP_TRIGGER: "drops a trigger of",
}
#: Actions after which a session is not what it was.
_SESSION_CHANGES = frozenset({
    sqlite3.SQLITE_PRAGMA,
    sqlite3.SQLITE_ATTACH,
    sqlite3.SQLITE_DETACH,
    sqlite3.SQLITE_CREATE_TEMP_INDEX,
    sqlite3.SQLITE_CREATE_TEMP_TABLE,
    sqlite3.SQLITE_CREATE_TEMP_TRIGGER,
    sqlite3.SQLITE_CREATE_TEMP_VIEW,
})  # fmt: skip
_KEEP_OUT = (
    "remove that statement: Banister alone writes there; if the application has a table of that "
    "name, set `history_table` in the settings to another one"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a statement was not run."""

    message: str
    hint: str


class Guard:
    """Watches the statements of one session while `watching` is set.

    `confined`: to the file that is open, since it is a copy to try things on.
    """

    def __init__(self, protected: frozenset[str], *, confined: bool = False) -> None:
        self._protected = frozenset(name.lower() for name in protected)
        self._confined = confined
        #: Whether the statements now compiled are a migration's.
        self.watching = False
        #: Whether they run inside a transaction of ours. VACUUM begins one of its own.
        self.in_transaction = False
        #: Why the last statement was refused.
        self.refusal: Refusal | None = None
        #: Tables of the file that statements compiled since it was emptied drop.
        self.dropped: list[str] = []
        #: What statements compiled since it was emptied do with rows of which table of the file.
        self.acts: list[tuple[int, str]] = []
        #: Functions, in lower case, that statements compiled since it was emptied call.
        self.calls: set[str] = set()
        #: Whether one has changed what later statements of this session mean.
        self.session_changed = False

    def __call__(
        self,
        action: int,
        first: str | None,
        second: str | None,
        database: str | None,
        _source: str | None,
    ) -> int:
        """Answer SQLite's question whether a statement may do something."""
        if not self.watching:
            return sqlite3.SQLITE_OK
        if action == sqlite3.SQLITE_DROP_TABLE and database == "main" and first:
            self.dropped.append(first)
        if action in _ROWS and database == "main" and first:
            self.acts.append((action, first))
        if action == sqlite3.SQLITE_FUNCTION and second:
            self.calls.add(second.lower())
        if action in _SESSION_CHANGES:
            self.session_changed = True
        refusal = self._judge(action, first or "", second or "", database)
        if action == sqlite3.SQLITE_ATTACH and self._confined and first not in _NO_FILES:
            refusal = _reaches(first)
        self.refusal = refusal or self.refusal
        return sqlite3.SQLITE_OK if self.refusal is None else sqlite3.SQLITE_DENY

    def _judge(self, action: int, first: str, second: str, database: str | None) -> Refusal | None:
        if action in _WRITES and database == "main" and first.lower() in self._protected:
            return _touches(_WRITES[action], first)
        if action == sqlite3.SQLITE_ALTER_TABLE:
            database = first
        if action in _ALTERS and database == "main" and second.lower() in self._protected:
            return _touches(_ALTERS[action], second)
        if action == sqlite3.SQLITE_TRANSACTION and self.in_transaction:
            return Refusal(
                message=f"{first} cannot stand here: it would end the transaction that keeps the "
                "change and its record together",
                hint="remove it",
            )
        if action == sqlite3.SQLITE_PRAGMA and first.lower() == "journal_mode":
            return _judge_journal(second)
        return None


def _touches(how: str, table: str) -> Refusal:
    return Refusal(message=f'it {how} the history table "{table}"', hint=_KEEP_OUT)


def _reaches(file: str | None) -> Refusal:
    """Say that a copy would reach another file; None: its name is known only as it is run."""
    named = "whose name it works out as it runs" if file is None else f'"{file}"'
    return Refusal(
        message=f"it works on another file, {named}, and would do so from a copy too",
        hint="what a migration does to other files cannot be tried on a scratch copy",
    )


def _judge_journal(mode: str) -> Refusal | None:
    # https://www.sqlite.org/pragma.html#pragma_journal_mode: with OFF no rollback is possible at
    # all, and a crash under MEMORY very likely damages the file.
    if mode.lower() not in {"off", "memory"}:
        return None
    return Refusal(
        message=f"with PRAGMA journal_mode = {mode} a failure or a crash could not be rolled back",
        hint="remove it",
    )
