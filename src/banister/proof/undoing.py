"""What rolling a migration back does, in words, from what was there before and after. No I/O."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

from banister.model import Contents, Dialect, RowChange, RowLoss, Version
from banister.model.passwords import hide_passwords
from banister.proof.renaming import (
    renamed_contents,
    renamed_schema,
    renamings,
)
from banister.rows import compare_contents
from banister.script.mentions import Mentions, RowVerb, is_name, name_of
from banister.snapshot import (
    CatalogObject,
    Change,
    Difference,
    ObjectIdentity,
    ObjectKind,
    Snapshot,
    Weight,
    compare,
)

__all__ = ["Rollback", "RollbackTable", "RollbackWay", "Sight", "what_it_does"]

_TABLES = frozenset({ObjectKind.TABLE, ObjectKind.FOREIGN_TABLE, ObjectKind.VIRTUAL_TABLE})
#: The name of what says NOT NULL: whether it is said is told with the column.
_UNSEEN = "not null constraint"
#: Known by more than a name, so that no statement can be seen to name them.
_NAMELESS = frozenset({
    ObjectKind.CAST, ObjectKind.TRANSFORM, ObjectKind.OPERATOR, ObjectKind.USER_MAPPING,
    ObjectKind.DEFAULT_PRIVILEGES, ObjectKind.PRIVILEGES,
})  # fmt: skip


class RollbackWay(StrEnum):
    """Whether there is a way back."""

    DOWN = "down"
    #: Declared so.
    IRREVERSIBLE = "irreversible"
    #: There is no down file, and nobody says that there is no way back.
    MISSING = "missing"


@dataclass(frozen=True, kw_only=True)
class Rollback:
    """What rolling one migration back does."""

    version: Version
    name: str
    way: RollbackWay
    #: In lower case, one thing each, such as "drops column users.note".
    does: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """Number and name, as the files have it."""
        return f"{self.version}_{self.name}"

    @property
    def text(self) -> str:
        """All of it as one sentence, without a full stop."""
        match self.way:
            case RollbackWay.IRREVERSIBLE:
                return "Cannot be rolled back"
            case RollbackWay.MISSING:
                return "No down file"
        said = "; ".join(self.does) or "changes nothing"
        return said[:1].upper() + said[1:]


@dataclass(frozen=True, kw_only=True)
class RollbackTable:
    """What rolling back does, a migration a row, in order of the versions."""

    rows: tuple[Rollback, ...]
    #: What it was found out on, for people.
    server: str
    duration_ms: int


@dataclass(frozen=True, kw_only=True)
class Sight:
    """All that a database held at one moment."""

    schema: Snapshot
    contents: Contents


def what_it_does(
    before: Sight, after: Sight, said: Sequence[Mentions], dialect: Dialect
) -> tuple[str, ...]:
    """Return what became of a database between two looks, one thing each, worst first.

    What happened is told from the looks alone. `said`, what the statements in between name, gives
    the order of what was dropped, tells a rename from a loss, and says which tables may lose rows
    that were not there to be lost.
    """
    renames = renamings(before.schema, after.schema, said, dialect)
    before = Sight(
        schema=renamed_schema(before.schema, after.schema, renames),
        contents=renamed_contents(before.contents, renames),
    )
    teller = _Teller(before=before, after=after, said=said, dialect=dialect)
    differences = [
        difference
        for difference in compare(before.schema, after.schema)
        if difference.property != _UNSEEN
    ]
    gone = teller.wholes(differences, Change.MISSING, before.schema)
    come = teller.wholes(differences, Change.UNEXPECTED, after.schema)
    return (
        *teller.drops(gone),
        *teller.brings_back(come),
        *(f"renames {rename}" for rename in renames),
        *_changes(differences),
        *teller.rows(gone, come),
    )


@dataclass(frozen=True, kw_only=True)
class _Teller:
    before: Sight
    after: Sight
    said: Sequence[Mentions]
    dialect: Dialect

    def wholes(
        self, differences: Iterable[Difference], change: Change, schema: Snapshot
    ) -> list[ObjectIdentity]:
        """Return what went or came, without the sequences that go and come with their column."""
        found = [each.identity for each in differences if each.change is change]
        owners = {_qualified(each) for each in found}
        return [each for each in found if not owners & _owners(schema.objects[each])]

    def drops(self, gone: Sequence[ObjectIdentity]) -> Iterator[str]:
        """Tell what is gone: tables in the order in which they were dropped, then the rest."""
        places = {identity: self._place(identity) for identity in gone}
        named = [identity for identity in gone if places[identity] is not None]
        along = [identity for identity in gone if places[identity] is None] if named else []
        order = sorted(named or gone, key=lambda identity: places[identity] or (0, 0))
        lists = [
            [identity for identity in order if (identity.kind in _TABLES) is tables]
            for tables in (True, False)
        ]
        told = []
        for some in filter(None, lists):
            known = [places[identity] for identity in some]
            is_ordered = (
                some is lists[0] and len(some) > 1 and all(place and place[0] for place in known)
            )
            told.append(f"drops {_listed(some)}{' (in that order)' if is_ordered else ''}")
        if along:
            told[-1] += f", and with {'it' if len(named) == 1 else 'them'} {_listed(along)}"
        yield from told

    def brings_back(self, come: Sequence[ObjectIdentity]) -> Iterator[str]:
        """Tell what is there again."""
        for _, some in groupby(come, key=lambda identity: identity.kind in _TABLES):
            yield f"brings back {_listed(list(some))}"

    def rows(self, gone: Sequence[ObjectIdentity], come: Sequence[ObjectIdentity]) -> Iterator[str]:
        """Tell what becomes of rows, but for those that go with their table or column."""
        dropped = {_qualified(identity) for identity in gone}
        losses = [
            loss
            for loss in _losses(self.before.contents, self.after.contents, come)
            if not {loss.table, f"{loss.table}.{loss.column}"} & dropped
        ]
        every = self._written(RowVerb.DELETE, every=True)
        yield from _row_words(losses, every, self._cut_off())
        yield from self._perhaps(losses, every)
        for table in self.after.contents.unread:
            name = name_of(table.table, self.dialect)
            if any(_among(name, mentions.names) for mentions in self.said):
                yield f"may change rows of {table.table}, which could not be read"

    def _perhaps(self, losses: Sequence[RowLoss], every: Iterable[str]) -> Iterator[str]:
        """Tell of statements that write rows, and found none of those that they are for."""
        seen = {
            RowVerb.DELETE: {*every, *_tables(losses, RowChange.LOST, whole=True)},
            RowVerb.CHANGE: {
                *_tables(losses, RowChange.LOST, whole=False),
                *_tables(losses, RowChange.CHANGED, whole=False),
            },
            RowVerb.ADD: _tables(losses, RowChange.ADDED, whole=True),
        }
        words = {RowVerb.DELETE: "delete rows of", RowVerb.CHANGE: "change rows of",
                 RowVerb.ADD: "add rows to"}  # fmt: skip
        for verb, phrase in words.items():
            left = [table for table in self._written(verb) if table not in seen[verb]]
            if left:
                yield f"may {phrase} {_and(left)}"

    def _written(self, verb: RowVerb, *, every: bool = False) -> list[str]:
        """Return the tables that are there afterwards and that a statement writes to."""
        known = {table: name_of(table, self.dialect) for table in self.after.contents.tables}
        found = [
            table
            for mentions in self.said
            for work in mentions.writes
            if work.verb is verb and (work.every or not every)
            for table, name in known.items()
            if is_name(name, work.table)
        ]
        return list(dict.fromkeys(found))

    def _cut_off(self) -> set[str]:
        """Return the tables that have more rows than were read."""
        looks = (self.before.contents.tables, self.after.contents.tables)
        return {name for look in looks for name, rows in look.items() if not rows.complete}

    def _place(self, identity: ObjectIdentity) -> tuple[int, int] | None:
        """Return where the statements drop something; (0, 0): somewhere; None: they do not."""
        if identity.kind in _NAMELESS:
            return 0, 0
        name = name_of(identity.name, self.dialect)
        of = None if identity.of is None else name_of(identity.of, self.dialect)
        is_part_by_name = identity.kind not in {ObjectKind.INDEX, ObjectKind.STATISTICS}
        somewhere = None
        for number, mentions in enumerate(self.said, start=1):
            if of is not None and is_part_by_name and not _among(of, mentions.names):
                continue
            for place, items in enumerate(_flat(mentions, identity.kind)):
                if is_name(name, items):
                    return number, place
            if any(_among(name, items) for items in mentions.drops):
                somewhere = 0, 0
        return somewhere


def _flat(mentions: Mentions, kind: ObjectKind) -> Iterator[tuple[str, ...]]:
    """Yield the names behind a DROP of that kind of thing."""
    word = "table" if kind is ObjectKind.VIRTUAL_TABLE else kind.value
    heading = tuple((part,) for part in word.split())
    for items in mentions.drops:
        if items[: len(heading)] == heading:
            yield from items[len(heading) :]
        elif kind is ObjectKind.COLUMN:
            yield from items


def _among(known: tuple[str, ...], names: Iterable[tuple[str, ...]]) -> bool:
    return any(is_name(known, name) for name in names)


def _qualified(identity: ObjectIdentity) -> str:
    return identity.name if identity.of is None else f"{identity.of}.{identity.name}"


def _owners(thing: CatalogObject) -> set[str]:
    """Return the column that a sequence belongs to, and its table."""
    owned = thing.properties.get("owned by")
    if thing.identity.kind is not ObjectKind.SEQUENCE or owned is None:
        return set()
    column = owned.removeprefix("public.")
    return {column, column.rpartition(".")[0]}


def _listed(identities: Sequence[ObjectIdentity]) -> str:
    return ", ".join(_called(identity) for identity in identities)


def _called(identity: ObjectIdentity) -> str:
    return identity.name if identity.kind is ObjectKind.TABLE else str(identity)


def _changes(differences: Iterable[Difference]) -> Iterator[str]:
    """Tell what is other than before; of mere order and wording only where that is all."""
    found = list(differences)
    changed = [each for each in found if each.change is Change.CHANGED]
    if any(each.weight is Weight.REAL for each in found):
        changed = [each for each in changed if each.weight is Weight.REAL]
    for identity, some in groupby(changed, key=lambda each: each.identity):
        values = [str(each).removeprefix(f"{identity}: ") for each in some]
        told = ", ".join(value.removeprefix("type ") for value in values)
        yield f"changes {identity}: {hide_passwords(told)}"


def _losses(before: Contents, after: Contents, come: Iterable[ObjectIdentity]) -> Iterator[RowLoss]:

    yield from compare_contents(before, after)
    for name, old in before.tables.items():
        new = after.tables.get(name)
        # Without a key, what is behind the end cannot be told from what is gone.
        fewer = 0 if new is None or not new.complete else len(old.rows) - len(new.rows)
        if fewer > 0 and not old.complete and not old.key:
            yield RowLoss(table=name, rows=fewer, change=RowChange.LOST)
    for identity in come:
        rows = after.tables.get(identity.name)
        if rows is not None and rows.rows and identity.name not in before.tables:
            yield RowLoss(table=identity.name, rows=len(rows.rows), change=RowChange.ADDED)


def _tables(losses: Iterable[RowLoss], change: RowChange, *, whole: bool) -> set[str]:
    return {loss.table for loss in losses if loss.change is change and (not loss.column) is whole}


def _row_words(losses: Sequence[RowLoss], every: Sequence[str], cut_off: set[str]) -> Iterator[str]:
    deleted: Mapping[str, RowLoss | None] = dict.fromkeys(every) | {
        loss.table: None if loss.table in every else loss
        for loss in losses
        if loss.column is None and loss.change is RowChange.LOST
    }
    if deleted:
        yield f"deletes {_and(_counted('of', deleted, cut_off))}"
    for verb, change in (("empties", RowChange.LOST), ("changes", RowChange.CHANGED)):
        told = [
            f"{loss.table}.{loss.column} in {_count(loss, cut_off)}"
            for loss in losses
            if loss.column is not None and loss.change is change
        ]
        if told:
            yield f"{verb} {_and(told)}"
    added = {loss.table: loss for loss in losses if loss.change is RowChange.ADDED}
    if added:
        yield f"adds {_and(_counted('to', added, cut_off))}"


def _counted(link: str, losses: Mapping[str, RowLoss | None], cut_off: set[str]) -> Iterator[str]:
    """Yield "1 row of portfolios", then "3 of rebalance_events"."""
    is_said = False
    for table in sorted(losses):
        loss = losses[table]
        if loss is None:
            yield f"every row {link} {table}"
            continue
        count = _count(loss, cut_off)
        yield f"{count.rpartition(' ')[0] if is_said else count} {link} {table}"
        is_said = True


def _count(loss: RowLoss, cut_off: set[str]) -> str:
    count = "1 row" if loss.rows == 1 else f"{loss.rows} rows"
    return f"at least {count}" if loss.table in cut_off else count


def _and(parts: Iterable[str]) -> str:
    *first, last = parts
    return f"{', '.join(first)} and {last}" if first else last
