"""The schema of a PostgreSQL database, read from its catalogs in one round trip."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import Any

import psycopg

from banister.engines.base import SessionSettings
from banister.engines.postgres.faults import first_line
from banister.engines.postgres.pooler import refuse_without_transactions
from banister.engines.postgres.session import Connection, Session
from banister.engines.queries import load_queries
from banister.errors import BanisterError, DatabaseError, LockTimeout
from banister.model import HistoryTable
from banister.snapshot import CatalogObject, ObjectIdentity, ObjectKind, Snapshot, printable

__all__ = ["catalog_queries", "catalog_snapshot", "read_catalog"]

#: What others are in, or parts of, comes first.
_OBJECTS = (
    "schemas", "relations", "types", "columns", "constraints", "indexes", "sequences", "triggers",
    "policies", "rules", "statistics", "functions", "aggregates", "casts", "transforms",
    "operators", "operator_classes", "operator_families", "collations", "conversions", "parsers",
    "templates", "dictionaries", "configurations", "extensions", "languages", "access_methods",
    "wrappers", "servers", "user_mappings", "event_triggers", "publications", "subscriptions",
    "default_privileges",
)  # fmt: skip
_OTHERS = ("settings", "database", "extension_members", "comments", "grants")
#: Columns of a row before its properties.
_HEAD = 6
#: A column for us, behind the properties.
_HIDDEN = "-"
#: Properties that come as lists.
_LISTS = frozenset({"foreign options", "settings"})
#: How often the schema is read while others change it.
_ATTEMPTS = 3
_KINDS = {kind.value: kind for kind in ObjectKind}
_ORDERED = frozenset({ObjectKind.TABLE, ObjectKind.FOREIGN_TABLE})
#: What initdb makes has an OID below.
_FIRST_OF_USERS = 16384

#: Options of foreign data whose values must not be shown.
_SECRET = re.compile(r"pass|secret|token|key|credential", re.IGNORECASE)
#: Of a user mapping nothing else is shown: it is there for secrets.
_OPEN = frozenset({"user", "username"})

#: Catalog, OID and column number.
_Address = tuple[str, int, int]
_Row = tuple[Any, ...]


@cache
def catalog_queries() -> Mapping[str, str]:
    """Return the queries that `read_catalog` needs, by name."""
    files = ("catalog.sql", "catalog_code.sql", "catalog_rest.sql")
    found: dict[str, str] = {}
    for file in files:
        found |= load_queries(__package__ or "", file)
    return MappingProxyType(found)


def catalog_snapshot(
    session: Session, settings: SessionSettings, history: HistoryTable, *, own: bool = False
) -> Snapshot:
    """Return the schema in a read-only transaction of its own.

    What the server writes of a view or an index is not of the transaction's snapshot: where others
    change the schema meanwhile, it is read anew. Raises LockTimeout, DatabaseError.
    """
    queries = catalog_queries()
    wait = {"wait": f"{round(settings.lock_timeout * 1000)}ms"}
    major = session.database.server_version[0]
    for left in reversed(range(_ATTEMPTS)):
        try:
            with session.kept_plans() as prepare, session.reading() as connection:
                connection.execute(queries["lock_timeout"].encode(), wait)
                return read_catalog(
                    connection, queries, major=major, history=history, prepare=prepare, own=own
                )
        except psycopg.errors.InternalError_ as error:
            if not left:
                raise _unreadable(session, error) from error
        except psycopg.Error as error:
            raise _unreadable(session, error) from error
    raise AssertionError  # the last attempt returns or raises


def _unreadable(session: Session, error: psycopg.Error) -> BanisterError:
    display = session.database.display
    if session.pooled and error.sqlstate == "08P01":
        return refuse_without_transactions(display)
    said = f"the schema of {display} cannot be read: {first_line(error)}"
    if isinstance(error, psycopg.errors.LockNotAvailable):
        return LockTimeout(
            said,
            hint="another session is changing the schema: run the same command again when it is "
            "done",
        )
    return DatabaseError(said)


def read_catalog(
    connection: Connection,
    queries: Mapping[str, str],
    *,
    major: int,
    history: HistoryTable,
    prepare: bool = False,
    own: bool = False,
) -> Snapshot:
    """Return the schema as the open transaction sees it, in one round trip, by reads alone.

    `prepare`: the server keeps the plans for the next time. Banister's own tables are left out, and
    so is an owner who is the database's; with `own` who owns the history table, where there is one.
    The settings that it needs hold to the end of the transaction. Lets the driver's errors out.
    """
    cursors: dict[str, psycopg.Cursor[_Row]] = {}
    with connection.pipeline():
        for name in (*_OTHERS, *_OBJECTS):
            versioned = f"{name}_{major}"
            text = queries[versioned if versioned in queries else name]
            cursors[name] = connection.execute(text.encode(), prepare=prepare)
        if own:
            place = {"schema": history.schema, "name": history.name}
            cursors["own"] = connection.execute(queries["history_owner"].encode(), place)
    owners = [row for name in ("own", "database") if name in cursors for row in cursors[name]]
    members = {(catalog, oid) for catalog, oid in cursors["extension_members"]}
    gathering = _Gathering(plain_owner=owners[0][0], members=members, history=history)
    for name in _OBJECTS:
        cursor = cursors[name]
        columns = _named_columns(cursor)
        gathering.add(cursor.fetchall(), columns)
    gathering.add_comments(cursors["comments"])
    gathering.add_grants(cursors["grants"])
    return gathering.snapshot(f"PostgreSQL {major}")


def _named_columns(cursor: psycopg.Cursor[_Row]) -> list[str]:
    """Return the names of the properties; the driver's own description of them costs far more."""
    result = cursor.pgresult
    if result is None:
        return []
    return [(result.fname(place) or b"").decode() for place in range(_HEAD, result.nfields)]


@dataclass(kw_only=True)
class _Gathering:
    """Puts rows together to objects."""

    #: Whose objects need no word about their owner.
    plain_owner: str
    members: set[tuple[str, int]]
    history: HistoryTable
    #: What others can be in or a part of; the name of a schema with its dot, none for public.
    _holders: dict[tuple[str, int], str] = field(default_factory=dict)
    #: The properties in it are still being added to.
    _found: dict[_Address, tuple[ObjectIdentity, dict[str, str]]] = field(default_factory=dict)
    _order: dict[str, list[tuple[int, str]]] = field(default_factory=dict)

    def add(self, rows: Iterable[_Row], columns: list[str]) -> None:
        """Add objects; those of extensions, and what is in something that was not added, stay out.

        `columns` names the properties.
        """
        keys = columns[:-1] if columns[-1:] == [_HIDDEN] else columns
        end = _HEAD + len(keys)
        for row in rows:
            kind, catalog, oid, of_catalog, of, name = row[:_HEAD]
            holder = "" if of_catalog is None else self._holders.get((of_catalog, of))
            if holder is None or (catalog, oid) in self.members:
                continue
            identity = _identity(_KINDS[kind], name, of_catalog, holder)
            extra: int | None = row[end] if end < len(row) else None
            if self._is_kept_out(identity, holder, extra):
                continue
            values = zip(keys, row[_HEAD:end], strict=True)
            properties = {key: value for key, value in values if value is not None}
            self._tidy(identity.kind, properties)
            sub = extra or 0 if identity.kind is ObjectKind.COLUMN else 0
            self._found[catalog, oid, sub] = identity, properties
            self._remember(identity, catalog, oid, sub)

    def add_comments(self, rows: Iterable[_Row]) -> None:
        """Add comments to what they are on."""
        for catalog, oid, sub, key, text in rows:
            found = self._found.get((catalog, oid, sub))
            if found is not None:
                found[1][key] = text

    def add_grants(self, rows: Iterable[_Row]) -> None:
        """Add privileges to what they are on, also to what is of the system or an extension."""
        grants: dict[_Address, list[str]] = {}
        names: dict[_Address, str | None] = {}
        for catalog, oid, sub, grantee, privileges, name in rows:
            address = catalog, oid, sub
            grants.setdefault(address, []).append(f"{grantee}: {privileges or 'none'}")
            names[address] = name
        for address, lines in grants.items():
            name = names[address]
            if address not in self._found:
                foreign = address[1] < _FIRST_OF_USERS or address[:2] in self.members
                if name is None or not foreign:
                    continue
                self._found[address] = (
                    ObjectIdentity(ObjectKind.PRIVILEGES, f"on {printable(name)}"),
                    {},
                )
            self._found[address][1]["grants"] = "\n".join(sorted(lines))

    def snapshot(self, server: str) -> Snapshot:
        """Return all that was added."""
        return Snapshot(
            server=server,
            objects={
                identity: CatalogObject(identity=identity, properties=properties)
                for identity, properties in self._found.values()
            },
            column_order={
                table: tuple(name for _, name in sorted(columns))
                for table, columns in self._order.items()
                if columns
            },
        )

    def _is_kept_out(self, identity: ObjectIdentity, holder: str, extra: int | None) -> bool:
        """Whether it is one of Banister's own tables, or a sequence of a table that is not here."""
        if identity.kind is ObjectKind.SEQUENCE:
            return extra is not None and ("pg_class", extra) not in self._holders
        if identity.kind is not ObjectKind.TABLE:
            return False
        schema, name = holder.removesuffix(".") or "public", identity.name.removeprefix(holder)
        own = {self.history.name, self.history.log_name}
        return _unquoted(name) in own and _unquoted(schema) == self.history.schema

    def _remember(self, identity: ObjectIdentity, catalog: str, oid: int, sub: int) -> None:
        """Note what parts of it will refer to."""
        if identity.kind is ObjectKind.COLUMN:
            if identity.of in self._order:
                self._order[identity.of].append((sub, identity.name))
        elif identity.kind is ObjectKind.SCHEMA:
            prefix = "" if identity.name == "public" else f"{identity.name}."
            self._holders[catalog, oid] = prefix
        elif identity.of is None:
            self._holders[catalog, oid] = identity.name
            if identity.kind in _ORDERED:
                self._order[identity.name] = []

    def _tidy(self, kind: ObjectKind, properties: dict[str, str]) -> None:
        """Leave out what goes without saying or must not be said; make texts of lists."""
        if properties.get("owner") == self.plain_owner:
            del properties["owner"]
        for key in _LISTS & properties.keys():
            values: Any = properties[key]
            if key == "foreign options":
                values = sorted(_masked(option, kind) for option in values)
            properties[key] = "\n".join(values)


def _identity(kind: ObjectKind, name: str, of_catalog: str | None, holder: str) -> ObjectIdentity:
    if of_catalog is None or of_catalog == "pg_namespace":
        return ObjectIdentity(kind, printable(holder + name))
    return ObjectIdentity(kind, printable(name), holder)


def _masked(option: str, kind: ObjectKind) -> str:
    name, _, _ = option.partition("=")
    shown = name in _OPEN if kind is ObjectKind.USER_MAPPING else not _SECRET.search(name)
    return option if shown else f"{name}=***"


def _unquoted(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name
