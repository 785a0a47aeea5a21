"""Which things only changed their names between two looks at a database. No I/O."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from banister.model import Contents, Dialect, TableRows
from banister.script.mentions import Mentions, Rename, is_name, name_of
from banister.snapshot import CatalogObject, ObjectIdentity, ObjectKind, Snapshot

__all__ = ["Renaming", "renamed_contents", "renamed_schema", "renamings"]

#: What a statement names together with its table.
_PARTS = frozenset({
    ObjectKind.COLUMN, ObjectKind.CONSTRAINT, ObjectKind.TRIGGER, ObjectKind.POLICY,
    ObjectKind.RULE,
})  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Renaming:
    """One thing under two names."""

    old: ObjectIdentity
    new: ObjectIdentity

    def __str__(self) -> str:
        """Return it in words, such as `column users.mail to email`."""
        what = self.old.name if self.old.kind is ObjectKind.TABLE else str(self.old)
        return f"{what} to {self.new.name}"

    def of(self, identity: ObjectIdentity) -> ObjectIdentity:
        """Return what a thing is known by afterwards."""
        if identity == self.old:
            return self.new
        if self.old.kind is ObjectKind.SCHEMA:
            inside = f"{self.old.name}."
            names = [
                f"{self.new.name}.{name.removeprefix(inside)}"
                if name is not None and name.startswith(inside)
                else name
                for name in (identity.name, identity.of)
            ]
            return identity._replace(name=names[0] or "", of=names[1])
        if self.old.of is None and identity.of == self.old.name:
            return identity._replace(of=self.new.name)
        return identity

    def applied(self, text: str) -> str:
        """Return a text with the new name where it has the old one."""
        whole = rf"(?<![\w$]){re.escape(self.old.name)}(?![\w$])"
        return re.sub(whole, lambda _: self.new.name, text)


def renamings(
    before: Snapshot, after: Snapshot, said: Sequence[Mentions], dialect: Dialect
) -> tuple[Renaming, ...]:
    """Return what is gone under one name and has come under another that a statement gives it.

    Without such a statement it was dropped, and something like it was made.
    """
    renames = [rename for mentions in said for rename in mentions.renames]
    found: list[Renaming] = []
    there = {*before.objects}
    # Wholes before parts: those are known by the name that their table has in the end.
    for rank in range(3):
        for rename in renames:
            gone = [identity for identity in there if identity not in after.objects]
            come = [identity for identity in after.objects if identity not in there]
            for renaming in _fitting(rename, gone, come, dialect):
                if _rank(renaming.old) == rank and _is_of(rename, renaming, found, dialect):
                    found.append(renaming)
                    there = {renaming.of(identity) for identity in there}
                    break
    return tuple(found)


def _rank(identity: ObjectIdentity) -> int:
    return 0 if identity.of is None else 2 if identity.kind in _PARTS else 1


def _fitting(
    rename: Rename,
    gone: Iterable[ObjectIdentity],
    come: Sequence[ObjectIdentity],
    dialect: Dialect,
) -> Iterator[Renaming]:
    for old in gone:
        if not is_name(name_of(old.name, dialect), rename.old):
            continue
        for new in come:
            is_one = new.kind is old.kind and new.of == old.of
            if is_one and is_name(name_of(new.name, dialect), rename.new):
                yield Renaming(old=old, new=new)


def _is_of(rename: Rename, renaming: Renaming, found: Sequence[Renaming], dialect: Dialect) -> bool:
    """Whether the statement speaks of the table that the thing is a part of."""
    if renaming.old.kind not in _PARTS:
        return rename.of is None
    if rename.of is None or renaming.old.of is None:
        return False
    names = {renaming.old.of, *(one.old.name for one in found if one.new.name == renaming.old.of)}
    return any(is_name(name_of(name, dialect), rename.of) for name in names)


def renamed_schema(before: Snapshot, after: Snapshot, renames: Sequence[Renaming]) -> Snapshot:
    """Return a schema under the new names, also in the texts that are no other otherwise."""
    if not renames:
        return before
    objects: dict[ObjectIdentity, CatalogObject] = {}
    for thing in before.objects.values():
        identity = _now(thing.identity, renames)
        wanted = after.objects.get(identity)
        properties = {} if wanted is None else wanted.properties
        objects[identity] = CatalogObject(
            identity=identity, properties=_settled(thing.properties, properties, renames)
        )
    order = {
        _now(ObjectIdentity(ObjectKind.TABLE, table), renames).name: names
        for table, names in before.column_order.items()
    }
    return replace(before, objects=objects, column_order=order)


def _now(identity: ObjectIdentity, renames: Sequence[Renaming]) -> ObjectIdentity:
    for renaming in renames:
        identity = renaming.of(identity)
    return identity


def _settled(
    properties: Mapping[str, str], wanted: Mapping[str, str], renames: Sequence[Renaming]
) -> dict[str, str]:
    """Return properties as they are wanted where new names are all that differs."""
    found = dict(properties)
    for key, value in properties.items():
        if wanted.get(key) in {None, value}:
            continue
        everything = value
        for renaming in renames:
            everything = renaming.applied(everything)
        if wanted[key] in {everything, *(renaming.applied(value) for renaming in renames)}:
            found[key] = wanted[key]
    return found


def renamed_contents(contents: Contents, renames: Sequence[Renaming]) -> Contents:
    """Return rows under the new names of their tables and columns."""
    tables = {}
    for rows in contents.tables.values():
        table = rows
        for renaming in renames:
            table = _renamed(table, renaming)
        tables[table.table] = table
    return replace(contents, tables=tables)


def _renamed(rows: TableRows, renaming: Renaming) -> TableRows:
    old, new = renaming.old, renaming.new
    if old.kind is ObjectKind.COLUMN and old.of == rows.table:
        names = {old.name: new.name}
        return replace(
            rows,
            columns=tuple(names.get(column, column) for column in rows.columns),
            key=tuple(names.get(column, column) for column in rows.key),
        )
    table = renaming.of(ObjectIdentity(ObjectKind.TABLE, rows.table))
    return replace(rows, table=table.name)
