"""What a database is beside its contents, so that another can be made like it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from psycopg import sql
from psycopg.rows import dict_row

from banister.engines.postgres.session import Connection

__all__ = ["Likeness", "read_likeness"]

#: Settings whose value is a list of names; each is written on its own.
#: https://www.postgresql.org/docs/current/config-setting.html
_LISTS = frozenset(
    {"search_path", "temp_tablespaces", "local_preload_libraries", "session_preload_libraries"}
)
_ITEM = re.compile(r'"((?:[^"]|"")*)"|([^,\s]+)')


@dataclass(frozen=True, kw_only=True)
class Likeness:
    """A database as CREATE DATABASE and ALTER DATABASE know it."""

    name: str
    owner: str
    comment: str | None
    connections: int
    #: None: the ordinary one.
    tablespace: str | None
    #: Options of CREATE DATABASE by name: encoding and locale.
    options: Mapping[str, str]
    #: Grantee (None: everybody), privilege, whether it may be passed on; None: the defaults.
    grants: tuple[tuple[str | None, str, bool], ...] | None
    #: Role (None: every one), name, value.
    settings: tuple[tuple[str | None, str, str], ...]
    #: Whether others may be made in its likeness by who does not own it.
    is_template: bool
    #: Provider and security label.
    labels: tuple[tuple[str, str], ...]

    def create(self, name: str) -> sql.Composed:
        """Return the statement that makes an empty database of that name in its likeness."""
        options = [
            sql.SQL("{} = {}").format(sql.SQL(option), sql.Literal(value))
            for option, value in self.options.items()
        ]
        if self.tablespace is not None:
            options.append(sql.SQL("TABLESPACE = {}").format(sql.Identifier(self.tablespace)))
        return sql.SQL("CREATE DATABASE {} TEMPLATE = template0 {}").format(
            sql.Identifier(name), sql.SQL(" ").join(options)
        )

    def dress(self, name: str) -> Iterator[sql.Composed]:
        """Yield the statements that give database `name` what no dump of one holds.

        All but what comes last: see `finish`.
        """
        database = sql.Identifier(name)
        for role, setting, value in self.settings:
            whose = sql.SQL("DATABASE {}").format(database)
            if role is not None:
                whose = sql.SQL("ROLE {} IN DATABASE {}").format(sql.Identifier(role), database)
            yield sql.SQL("ALTER {} SET {} TO {}").format(
                whose,
                sql.SQL(".").join(map(sql.Identifier, setting.split("."))),
                _value(setting, value),
            )
        limit = sql.SQL(str(self.connections))
        yield sql.SQL("ALTER DATABASE {} CONNECTION LIMIT {}").format(database, limit)
        yield sql.SQL("ALTER DATABASE {} OWNER TO {}").format(database, sql.Identifier(self.owner))
        if self.grants is not None:
            yield sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC, {}").format(
                database, sql.Identifier(self.owner)
            )
            for grantee, privilege, grantable in self.grants:
                yield sql.SQL("GRANT {} ON DATABASE {} TO {}{}").format(
                    sql.SQL(privilege),
                    database,
                    sql.SQL("PUBLIC") if grantee is None else sql.Identifier(grantee),
                    sql.SQL(" WITH GRANT OPTION" if grantable else ""),
                )

        for provider, label in self.labels:
            yield sql.SQL("SECURITY LABEL FOR {} ON DATABASE {} IS {}").format(
                sql.Identifier(provider), database, sql.Literal(label)
            )

    def finish(self, name: str) -> Iterator[sql.Composed]:
        """Yield the statements that give database `name` what one that may go must not have.

        A comment would take the place of its mark, and a template cannot be dropped.
        """
        database = sql.Identifier(name)
        yield sql.SQL("COMMENT ON DATABASE {} IS {}").format(database, sql.Literal(self.comment))
        if self.is_template:
            yield sql.SQL("ALTER DATABASE {} IS_TEMPLATE = true").format(database)

    def carried(self) -> tuple[str, ...]:
        """Return for people what the new database is given."""
        said = [f"owner {self.owner}"]
        said += [] if self.grants is None else [f"{len(self.grants)} grants"]
        said += [f"{len(self.settings)} settings"] if self.settings else []
        said += [f"connection limit {self.connections}"] if self.connections >= 0 else []
        said += ["comment"] if self.comment else []
        said += ["template"] if self.is_template else []
        said += [f"{len(self.labels)} security labels"] if self.labels else []
        return tuple(said)


def read_likeness(connection: Connection, queries: Mapping[str, str]) -> Likeness:
    """Return what the database is that is connected to. Raises psycopg.Error."""
    with connection.cursor(row_factory=dict_row) as cursor:
        facts = cursor.execute(queries["database"].encode()).fetchall()[0]
        grants = cursor.execute(queries["grants"].encode()).fetchall()
        settings = cursor.execute(queries["settings"].encode()).fetchall()
        labels = cursor.execute(queries["labels"].encode()).fetchall()
    return Likeness(
        name=facts["name"],
        owner=facts["owner"],
        comment=facts["comment"],
        connections=facts["connections"],
        tablespace=facts["tablespace"],
        options=_options(facts),
        grants=tuple((g["grantee"], g["privilege"], g["grantable"]) for g in grants)
        if facts["has_grants"]
        else None,
        settings=tuple((s["role"], s["name"], s["value"]) for s in settings),
        is_template=facts["more"]["datistemplate"],
        labels=tuple((each["provider"], each["label"]) for each in labels),
    )


def _options(facts: Mapping[str, Any]) -> dict[str, str]:
    """Return encoding and locale. https://www.postgresql.org/docs/current/sql-createdatabase.html"""
    options = {
        "ENCODING": facts["encoding"],
        "LC_COLLATE": facts["collate"],
        "LC_CTYPE": facts["ctype"],
    }
    more = facts["more"]
    locale = more.get("datlocale") or more.get("daticulocale")
    match more.get("datlocprovider"):
        case "i":
            options |= {"LOCALE_PROVIDER": "icu", "ICU_LOCALE": locale}
            if more.get("daticurules"):
                options["ICU_RULES"] = more["daticurules"]
        case "b":
            options |= {"LOCALE_PROVIDER": "builtin", "BUILTIN_LOCALE": locale}
        case "c":
            options["LOCALE_PROVIDER"] = "libc"
    return options


def _value(setting: str, value: str) -> sql.Composable:
    if setting.lower() not in _LISTS:
        return sql.Literal(value)
    items = [
        found[1].replace('""', '"') if found[1] is not None else found[2]
        for found in _ITEM.finditer(value)
    ]
    return sql.SQL(", ").join(map(sql.Literal, items)) if items else sql.Literal("")
