"""Rules about types, names and extensions. No I/O."""

import re
from collections.abc import Iterator

from banister.errors import Severity
from banister.model import ColumnFacts, Dialect, ObjectFacts
from banister.rehearsal.rules.base import Hazard, Match, Safer, Seen
from banister.rehearsal.rules.looks import is_table, new_columns
from banister.rehearsal.rules.texts import FILL, column_match, fill_names
from banister.rehearsal.verdicts import Verdict
from banister.script.words import Words

__all__ = ["TYPES"]

_MANUAL = "https://www.postgresql.org/docs/current/"
_ALTER_TYPE = _MANUAL + "sql-altertype.html"

#: unsafe_new_enum_value_usage: https://www.postgresql.org/docs/current/errcodes-appendix.html
_TOO_EARLY = "55P04"
_TRUNCATED = re.compile(r'identifier "(.+)" will be truncated to "(.+)"\Z')
_OFF = "-- banister: transaction=off\n"


def _used_too_early(seen: Seen) -> Iterator[Match]:
    failure = seen.trace.failure
    if failure is None or failure.sqlstate != _TOO_EARLY:
        return
    adding = [
        (trace.statement.text, change.any)
        for trace in seen.earlier
        for change in trace.objects
        if change.made and change.any.kind == "enum value"
    ]
    names = {
        "what": failure.message,
        "added": "\n".join(dict.fromkeys(_ended(text) for text, _ in adding)),
        "statement": _ended(seen.trace.statement.text),
    }
    yield Match(table_oid=None, names=names)


def _ended(text: str) -> str:
    return text.rstrip().rstrip(";") + ";"


def _value_renamed(seen: Seen) -> Iterator[Match]:
    for change in seen.trace.objects:
        before, after = change.before, change.after
        if before is None or after is None or after.kind != "enum value":
            continue
        if before.name == after.name or _made_in_run(seen, after):
            continue
        kind = after.of or ""
        fills = [_fill(seen, column, before, after) for column in _columns_of(seen, kind)]
        names = {
            "type": kind,
            "old": before.name,
            "new": after.name,
            "fill": _OFF + "\n".join(fills) if fills else "",
        }
        yield Match(table_oid=None, names=names)


def _made_in_run(seen: Seen, value: ObjectFacts) -> bool:
    return any(
        change.made and (change.any.kind, change.any.oid) == (value.kind, value.oid)
        for trace in seen.earlier
        for change in trace.objects
    )


def _columns_of(seen: Seen, kind: str) -> Iterator[ColumnFacts]:
    for column in seen.before.columns.values():
        if column.type != kind or not is_table(seen, column.table_oid):
            continue
        # The rows of a partition are reached through its table.
        if not seen.existing[column.table_oid].is_partition:
            yield column


def _fill(seen: Seen, column: ColumnFacts, old: ObjectFacts, new: ObjectFacts) -> str:
    names = fill_names(
        seen.existing[column.table_oid],
        f"{column.name} = {new.name}",
        f"{column.name} = {old.name}",
    )
    return FILL.format_map(names).removeprefix(_OFF)


def _extension_made(seen: Seen) -> Iterator[Match]:
    for change in seen.trace.objects:
        if change.made and change.any.kind == "extension" and not _names_version(seen):
            names = {"extension": change.any.name, "version": change.any.definition}
            yield Match(table_oid=None, names=names)


def _extension_updated(seen: Seen) -> Iterator[Match]:
    for change in seen.trace.objects:
        before, after = change.before, change.after
        if before is None or after is None or after.kind != "extension":
            continue
        if before.definition != after.definition and not _names_version(seen):
            names = {
                "extension": after.name,
                "old": before.definition,
                "version": after.definition,
            }
            yield Match(table_oid=None, names=names)


def _names_version(seen: Seen) -> bool:
    words = [word.key for word in Words(seen.trace.statement.text, Dialect.POSTGRESQL)]
    return "VERSION" in words or "TO" in words


def _name_cut(seen: Seen) -> Iterator[Match]:
    for notice in dict.fromkeys(seen.trace.notices):
        if found := _TRUNCATED.match(notice):
            shorter = _ended(seen.trace.statement.text.replace(found[1], found[2]))
            names = {"long": found[1], "short": found[2], "statement": shorter}
            yield Match(table_oid=None, names=names)


def _json(seen: Seen) -> Iterator[Match]:
    for column in new_columns(seen):
        if column.type == "json":
            default = f" DEFAULT {column.default}" if column.default else ""
            default = default.replace("::json", "::jsonb") + (" NOT NULL" * column.not_null)
            yield column_match(column, {"rest": default})


TYPES = (
    Hazard(
        rule="enum-add-value-use",
        title="A new value of an enum is used in the transaction that adds it",
        effect="the server refuses it: {what}",
        verdict=Verdict.CANNOT_RUN,
        severity=Severity.ERROR,
        safer=(Safer(files=("{added}", "{statement}"), only_if="added"),),
        advice="the value can be used once the migration that adds it is committed",
        source=_ALTER_TYPE + "#SQL-ALTERTYPE-NOTES",
        meets=_used_too_early,
    ),
    Hazard(
        rule="enum-rename-value",
        title="A value of an enum is renamed",
        effect="{old} of {type} is called {new} from the commit on: an application that still reads"
        " or writes {old} fails with: invalid input value for enum {type}",
        verdict=Verdict.SAFE,
        safer=(
            Safer(
                files=("ALTER TYPE {type} ADD VALUE {new} AFTER {old};", "{fill}"),
                only_if="fill",
            ),
            Safer(files=("ALTER TYPE {type} ADD VALUE {new} AFTER {old};",)),
        ),
        advice="let all programs know both values before rows change; the old one stays in the"
        " type",
        source=_ALTER_TYPE,
        meets=_value_renamed,
    ),
    Hazard(
        rule="create-extension",
        title="An extension is made without its version",
        effect="installs {extension} {version} here: another server may have another version, may"
        " not have it, or may let superusers alone make it",
        verdict=Verdict.SAFE,
        severity=Severity.NOTICE,
        safer=(Safer(files=("CREATE EXTENSION {extension} VERSION '{version}';",)),),
        advice="see in pg_available_extension_versions what the target has",
        source=_MANUAL + "sql-createextension.html",
        meets=_extension_made,
    ),
    Hazard(
        rule="alter-extension",
        title="An extension is updated to whatever the server has",
        effect="updates {extension} from {old} to {version} here, by a script that may lock tables"
        " which use it; another server may have another version",
        verdict=Verdict.SAFE,
        severity=Severity.NOTICE,
        safer=(Safer(files=("ALTER EXTENSION {extension} UPDATE TO '{version}';",)),),
        advice="see in pg_available_extension_versions what the target has",
        source=_MANUAL + "sql-alterextension.html",
        meets=_extension_updated,
    ),
    Hazard(
        rule="identifier-too-long",
        title="A name is longer than 63 bytes",
        effect="{long} is cut to {short}: another name that begins like it is the same, and a check"
        " by the long name may find nothing",
        verdict=Verdict.SAFE,
        safer=(Safer(files=("{statement}",)),),
        advice="choose a shorter name",
        source=_MANUAL + "sql-syntax-lexical.html#SQL-SYNTAX-IDENTIFIERS",
        meets=_name_cut,
    ),
    Hazard(
        rule="json-column",
        title="A column of type json is added",
        effect="{table}.{column} is json, which knows no equality: SELECT DISTINCT, GROUP BY and"
        " UNION over it fail, and no index serves what is in it",
        verdict=Verdict.SAFE,
        safer=(Safer(files=("ALTER TABLE {table} ADD COLUMN {column} jsonb{rest};",)),),
        advice="json alone keeps spaces, the order of keys and keys that are there twice",
        source=_MANUAL + "datatype-json.html",
        meets=_json,
    ),
)
