"""What became of rows between two looks at a database, by table and column. No I/O."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from banister.model import Contents, RowChange, RowLoss, TableRows

__all__ = ["compare_contents"]

#: With more rows than this that no key leads to, they are not looked through for similar ones.
_LOOKED_THROUGH = 200

_Row = tuple[str | None, ...]


def compare_contents(before: Contents, after: Contents) -> tuple[RowLoss, ...]:
    """Return what became of the rows that were there before, in the order of the tables' names.

    Tables that were not there before are not looked at, and the order of columns means nothing. A
    value is lost when it is NULL now or its column is gone, and changed when it is another one.
    Rows are found again by their key, else by what they have in common. Of a table that was not
    read to its end only what both looks have seen is compared; one that could not be read has
    nothing to say.
    """
    unread = {table.table for table in after.unread}
    return tuple(
        loss
        for name in sorted(before.tables)
        if name not in unread
        for loss in _table(before.tables[name], after.tables.get(name))
    )


def _table(before: TableRows, after: TableRows | None) -> Iterator[RowLoss]:
    if before == after:
        return
    if after is None:
        yield from _whole(before.table, len(before.rows), RowChange.LOST)
        return
    common = tuple(column for column in before.columns if column in after.columns)
    key = before.key if before.key == after.key and set(before.key) <= {*common} else ()
    last = _last_seen((before, after), key)
    old, new = (_Side.of(table, common, key, last) for table in (before, after))
    pairs = list(_pairs(old, new))
    for place, column in enumerate(before.columns):
        yield from _column(before.table, column, [
            (old.rows[one][place], new.rows[two][after.columns.index(column)])
            if column in common
            else (old.rows[one][place], None)
            for one, two in pairs
        ])  # fmt: skip
    if key or (before.complete and after.complete):
        yield from _whole(before.table, len(old.rows) - len(pairs), RowChange.LOST)
        yield from _whole(before.table, len(new.rows) - len(pairs), RowChange.ADDED)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """The rows of one look that the other one can be held against."""

    rows: tuple[_Row, ...]
    #: Of each row the columns that both looks have; and its key, where there is one.
    shared: tuple[_Row, ...]
    keys: tuple[_Row, ...]

    @classmethod
    def of(
        cls, table: TableRows, common: Sequence[str], key: Sequence[str], last: _Row | None
    ) -> "_Side":
        places = [table.columns.index(column) for column in key]
        rows = tuple(
            row for row in table.rows if last is None or _in_order(_picked(row, places)) <= last
        )
        shared = [table.columns.index(column) for column in common]
        return cls(
            rows=rows,
            shared=tuple(_picked(row, shared) for row in rows),
            keys=tuple(_picked(row, places) for row in rows) if key else (),
        )


def _picked(row: _Row, places: Sequence[int]) -> _Row:
    return tuple(row[place] for place in places)


def _in_order(key: _Row) -> _Row:
    return tuple(value or "" for value in key)


def _last_seen(tables: Sequence[TableRows], key: Sequence[str]) -> _Row | None:
    """Return the last key that every look has come to; None where each came to the end."""
    ends = [
        _in_order(_picked(table.rows[-1], [table.columns.index(column) for column in key]))
        for table in tables
        if key and not table.complete and table.rows
    ]
    return min(ends, default=None)


def _pairs(old: _Side, new: _Side) -> Iterator[tuple[int, int]]:
    """Yield the places of rows that are the same one before and after."""
    left_old, left_new = dict.fromkeys(range(len(old.rows))), dict.fromkeys(range(len(new.rows)))
    for mine, theirs in ((old.keys, new.keys), (old.shared, new.shared)):
        places: dict[_Row, list[int]] = {}
        for place in reversed(left_new):
            if theirs:
                places.setdefault(theirs[place], []).append(place)
        for place in list(left_old):
            found = places.get(mine[place]) if mine else None
            if found:
                pair = place, found.pop()
                del left_old[place], left_new[pair[1]]
                yield pair
    yield from _similar(old, new, list(left_old), list(left_new))


def _similar(
    old: _Side, new: _Side, left_old: Sequence[int], left_new: Sequence[int]
) -> Iterator[tuple[int, int]]:
    """Pair rows that have at least half of their values in common, the most alike first."""
    if max(len(left_old), len(left_new)) > _LOOKED_THROUGH:
        return
    found = []
    for one in left_old:
        values = sum(value is not None for value in old.shared[one])
        for two in left_new:
            alike = sum(
                mine is not None and mine == theirs
                for mine, theirs in zip(old.shared[one], new.shared[two], strict=True)
            )
            if alike and 2 * alike >= values:
                found.append((-alike, one, two))
    gone_old: set[int] = set()
    gone_new: set[int] = set()
    for _, one, two in sorted(found):
        if one not in gone_old and two not in gone_new:
            gone_old.add(one)
            gone_new.add(two)
            yield one, two


def _column(
    table: str, column: str, values: Sequence[tuple[str | None, str | None]]
) -> Iterator[RowLoss]:
    lost = sum(was is not None and now is None for was, now in values)
    changed = sum(was != now and now is not None for was, now in values)
    for count, change in ((lost, RowChange.LOST), (changed, RowChange.CHANGED)):
        if count:
            yield RowLoss(table=table, column=column, rows=count, change=change)


def _whole(table: str, count: int, change: RowChange) -> Iterator[RowLoss]:
    if count > 0:
        yield RowLoss(table=table, rows=count, change=change)
