"""The objects of a SQLite file at one moment, by numbers that a new name does not change."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count

from banister.engines.sqlite.catalog import spelled
from banister.engines.sqlite.session import Session
from banister.model import (
    Catalog,
    Changed,
    ColumnFacts,
    IndexFacts,
    ObjectFacts,
    RelationFacts,
    RelationKind,
)

__all__ = [
    "Facts",
    "FileFacts",
    "changed_columns",
    "changed_indexes",
    "changed_relations",
    "changed_triggers",
]

#: PRAGMA table_xinfo says so of generated columns: https://www.sqlite.org/pragma.html
_GENERATED = {2: "v", 3: "s"}
_RELATIONS = {"table": RelationKind.TABLE, "view": RelationKind.VIEW}

#: Kind and name, as the catalog has them.
_Key = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is in a file."""

    catalog: Catalog = field(default_factory=Catalog)
    #: Number by kind and name; and the root page of those that have one.
    numbers: Mapping[_Key, int] = field(default_factory=dict)
    roots: Mapping[int, int] = field(default_factory=dict)
    #: Tables by root page, those of indexes too.
    tables: Mapping[int, int] = field(default_factory=dict)
    #: By table, in order.
    columns: Mapping[int, Sequence[ColumnFacts]] = field(default_factory=dict)
    #: Changes with the schema.
    stamp: int = -1


class FileFacts:
    """Reads what is in one file again and again.

    SQLite gives its objects no numbers. Who keeps its name over a statement is the same object, and
    so is who keeps its root page: a RENAME moves nothing.
    https://www.sqlite.org/fileformat2.html#storage_of_the_sql_database_schema
    """

    def __init__(self, queries: Mapping[str, str], *, left_out: frozenset[str]) -> None:
        self._queries = queries
        self._left_out = frozenset(name.lower() for name in left_out)
        self._next = count(1)
        self._last = Facts()

    def read(self, session: Session) -> Facts:
        """Return what is there now; the same object while the schema is."""
        ((stamp,),) = session.execute("PRAGMA main.schema_version")
        if stamp != self._last.stamp:
            self._last = self._numbered(session, stamp)
        return self._last

    def _numbered(self, session: Session, stamp: int) -> Facts:
        rows = [
            row
            for row in session.execute(self._queries["facts"])
            if row[2].lower() not in self._left_out
        ]
        roots = {(kind, name): root for kind, name, _, root, _ in rows}
        numbers = self._numbers(roots)
        relations = {
            numbers[kind, name]: RelationFacts(
                oid=numbers[kind, name],
                name=spelled(name),
                bare_name=name,
                schema="main",
                kind=_RELATIONS[kind],
                filenode=root or 0,
                persistence="p",
                owner="",
                stamp=sql or "",
            )
            for kind, name, _, root, sql in rows
            if kind in _RELATIONS
        }
        indexes, triggers = _parts(rows, numbers)
        columns = self._columns(session, numbers)
        return Facts(
            catalog=Catalog(
                relations=relations,
                columns={(c.table_oid, c.number): c for each in columns.values() for c in each},
                indexes=indexes,
                objects=triggers,
            ),
            numbers=numbers,
            roots={numbers[key]: root for key, root in roots.items() if root},
            tables={
                root: numbers["table", table]
                for kind, _, table, root, _ in rows
                if root and kind in {"table", "index"}
            },
            columns=columns,
            stamp=stamp,
        )

    def _numbers(self, roots: Mapping[_Key, int | None]) -> dict[_Key, int]:
        before = self._last.numbers
        found = {key: before[key] for key in roots if key in before}
        left = {
            self._last.roots[number]: number
            for key, number in before.items()
            if key not in roots and number in self._last.roots
        }
        for key, root in roots.items():
            if key not in found:
                number = left.pop(root, None) if root else None
                found[key] = next(self._next) if number is None else number
        return found

    def _columns(
        self, session: Session, numbers: Mapping[_Key, int]
    ) -> dict[int, list[ColumnFacts]]:
        found: dict[int, list[ColumnFacts]] = {}
        for table, name, kind, not_null, default, hidden in session.execute(
            self._queries["schema_columns"]
        ):
            oid = numbers.get(("table", table))
            if oid is None:
                continue
            mine = found.setdefault(oid, [])
            mine.append(
                ColumnFacts(
                    table_oid=oid,
                    table=spelled(table),
                    number=len(mine) + 1,
                    name=spelled(name),
                    type=kind,
                    not_null=bool(not_null),
                    default=default,
                    generated=_GENERATED.get(hidden, ""),
                )
            )
        return found


def _parts(
    rows: Sequence[tuple[str, str, str, int | None, str | None]], numbers: Mapping[_Key, int]
) -> tuple[dict[int, IndexFacts], dict[tuple[str, int], ObjectFacts]]:
    """Return indexes that somebody has made, and triggers."""
    indexes: dict[int, IndexFacts] = {}
    triggers: dict[tuple[str, int], ObjectFacts] = {}
    for kind, name, of, _, sql in rows:
        number = numbers[kind, name]
        table = numbers.get(("table", of)) or numbers.get(("view", of)) or 0
        if kind == "index" and sql:
            indexes[number] = IndexFacts(
                oid=number,
                name=spelled(name),
                table_oid=table,
                table=spelled(of),
                valid=True,
                ready=True,
                unique=sql.upper().startswith("CREATE UNIQUE"),
                primary=False,
                definition=sql,
            )
        elif kind == "trigger":
            triggers["trigger", number] = ObjectFacts(
                kind="trigger",
                oid=number,
                name=spelled(name),
                of=spelled(of),
                of_oid=table,
                stamp=sql or "",
            )
    return indexes, triggers


def changed_relations(before: Facts, after: Facts) -> Iterator[Changed[RelationFacts]]:
    """Yield tables and views that were made, dropped or renamed."""
    old, new = before.catalog.relations, after.catalog.relations
    for oid in sorted(old.keys() | new.keys()):
        was, now = old.get(oid), new.get(oid)
        if was is None or now is None or was.name != now.name:
            yield Changed(before=was, after=now)


def changed_columns(before: Facts, after: Facts) -> Iterator[Changed[ColumnFacts]]:
    """Yield columns of tables that stay: made, dropped or renamed.

    One statement does one of these, to one column: who has another name at the same place, while
    the others are as they were, was renamed.
    """
    for oid in sorted(before.columns.keys() & after.columns.keys()):
        old, new = before.columns[oid], after.columns[oid]
        if len(old) == len(new):
            for was, now in zip(old, new, strict=True):
                if was.name != now.name:
                    yield Changed(before=was, after=now)
            continue
        names = {each.name for each in old}, {each.name for each in new}
        yield from (Changed(before=each, after=None) for each in old if each.name not in names[1])
        yield from (Changed(before=None, after=each) for each in new if each.name not in names[0])


def changed_indexes(before: Facts, after: Facts) -> Iterator[Changed[IndexFacts]]:
    """Yield indexes that were made or dropped."""
    old, new = before.catalog.indexes, after.catalog.indexes
    for oid in sorted(old.keys() ^ new.keys()):
        yield Changed(before=old.get(oid), after=new.get(oid))


def changed_triggers(before: Facts, after: Facts) -> Iterator[Changed[ObjectFacts]]:
    """Yield triggers that were made or dropped."""
    old, new = before.catalog.objects, after.catalog.objects
    for key in sorted(old.keys() ^ new.keys()):
        yield Changed(before=old.get(key), after=new.get(key))
