"""The schema of a SQLite file: from its own catalog, whatever the spelling of its statements."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping

from banister.engines.sqlite.declared import Declared, body_of, declared, normal
from banister.engines.sqlite.session import Session
from banister.snapshot import CatalogObject, ObjectIdentity, ObjectKind, Snapshot, printable

__all__ = ["empty_catalog", "read_catalog", "spelled"]

#: PRAGMA table_xinfo says so of generated columns: https://www.sqlite.org/pragma.html
_GENERATED = (2, 3)


def empty_catalog() -> Snapshot:
    """Return the schema of a file that is not there."""
    return Snapshot(server=f"SQLite {sqlite3.sqlite_version_info[0]}", objects={})


def read_catalog(
    session: Session, queries: Mapping[str, str], *, left_out: frozenset[str]
) -> Snapshot:
    """Return the schema as the open transaction sees it, without the tables of `left_out`.

    Lets the driver's errors out.
    """
    found: dict[ObjectIdentity, CatalogObject] = {}
    order: dict[str, list[str]] = {}
    out = {name.lower() for name in left_out}
    texts: dict[str, str] = {}
    for kind, name, table, sql in session.execute(queries["schema"]):
        if table.lower() in out:
            continue
        if kind == "table" and not sql.upper().startswith("CREATE VIRTUAL"):
            texts[name] = sql
            order[spelled(name)] = []
        else:
            _add(found, _other(kind, name, table, sql))
    tables = {name: declared(sql) for name, sql in texts.items()}
    for name, said in tables.items():
        _add(found, _table(name, said))
    for name, column, kind, not_null, default, hidden in session.execute(queries["schema_columns"]):
        if name in tables:
            own = tables[name].columns.get(column, {})
            order[spelled(name)].append(spelled(column))
            _add(found, [_column(name, column, kind, not_null, default, hidden, own)])
    return Snapshot(
        server=empty_catalog().server,
        objects=found,
        column_order={name: tuple(columns) for name, columns in order.items()},
    )


def _add(found: dict[ObjectIdentity, CatalogObject], things: Iterable[CatalogObject]) -> None:
    for thing in things:
        found[thing.identity] = thing


def spelled(name: str) -> str:
    """Return a name as people write it, on one line."""
    return printable(normal('"' + name.replace('"', '""') + '"'))


def _other(kind: str, name: str, table: str, sql: str) -> Iterator[CatalogObject]:
    """Make an index, a view, a trigger or a virtual table."""
    if kind == "table":
        properties = {"definition": normal(sql).partition(" USING ")[2]}
        identity = ObjectIdentity(ObjectKind.VIRTUAL_TABLE, spelled(name))
    else:
        properties = {"definition": body_of(sql)}
        of = None if kind == "view" else spelled(table)
        identity = ObjectIdentity(ObjectKind(kind), spelled(name), of)
    yield CatalogObject(identity=identity, properties=properties)


def _table(name: str, said: Declared) -> Iterator[CatalogObject]:
    """Make a table and its constraints; those without a name are known by what they say."""
    options = {"options": ", ".join(said.options)} if said.options else {}
    yield CatalogObject(
        identity=ObjectIdentity(ObjectKind.TABLE, spelled(name)), properties=options
    )
    seen: dict[str, int] = {}
    for given, definition in said.constraints:
        label = spelled(given) if given is not None else printable(definition)
        seen[label] = seen.get(label, 0) + 1
        if seen[label] > 1:
            label += f" ({seen[label]})"
        yield CatalogObject(
            identity=ObjectIdentity(ObjectKind.CONSTRAINT, label, spelled(name)),
            properties={} if given is None else {"definition": definition},
        )


def _column(
    table: str,
    column: str,
    kind: str,
    not_null: int,
    default: str | None,
    hidden: int,
    said: Mapping[str, str],
) -> CatalogObject:
    properties = {"type": " ".join(kind.split())} if kind else {}
    if not_null:
        properties["not null"] = "yes"
    if default is not None and hidden not in _GENERATED:
        properties["default"] = normal(default)
    return CatalogObject(
        identity=ObjectIdentity(ObjectKind.COLUMN, spelled(column), spelled(table)),
        properties={**properties, **said},
    )
