"""Generated rows in the tables of a SQLite file, made so that its rules let them pass."""

import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby

from banister.engines.sqlite.catalog import spelled
from banister.engines.sqlite.declared import declared
from banister.engines.sqlite.rows import Table, tables_there
from banister.engines.sqlite.session import Session
from banister.engines.sqlite.tables import quoted
from banister.model import Unfilled
from banister.rows import (
    Alternatives,
    CannotFill,
    CheckShape,
    ColumnShape,
    Named,
    ReferenceShape,
    TableShape,
    choose_rows,
    in_reference_order,
    named_in,
    numbers,
    texts,
)

__all__ = ["fill_tables"]

_ROWS = 3
_SOLUTIONS = 200
_MOST = 60
_LENGTH = re.compile(r"CHAR[A-Z ]*\((\d+)\)", re.IGNORECASE)
#: A column that is no number as a key of rows of migrations is: those have small ones.
_FIRST_KEY = 1_900_000_001

_Row = tuple[str | None, ...]


def fill_tables(
    session: Session,
    queries: Mapping[str, str],
    wanted: frozenset[str] | None,
    *,
    left_out: frozenset[str],
) -> tuple[Unfilled, ...]:
    """Put rows into the tables that are wanted, inside the open transaction; see `Engine.fill`.

    Lets the driver's errors out that are not about one table.
    """
    left: list[Unfilled] = []
    shapes = _shapes(session, queries, left_out)
    names = {shape.number: shape.display for shape in shapes}
    for shape in in_reference_order(shapes):
        if wanted is None or spelled(shape.display) in wanted:
            session.execute("SAVEPOINT banister_fill")
            try:
                _fill(session, names, shape)
            except (CannotFill, sqlite3.IntegrityError, sqlite3.OperationalError) as error:
                session.execute("ROLLBACK TO banister_fill")
                left.append(Unfilled(table=spelled(shape.display), reason=str(error)))
            session.execute("RELEASE banister_fill")
    return tuple(left)


def _shapes(
    session: Session, queries: Mapping[str, str], left_out: frozenset[str]
) -> list[TableShape]:
    tables = tables_there(session, queries, left_out=left_out)
    numbers_by_name = {table.name.lower(): number for number, table in enumerate(tables)}
    sqls = {row[1]: row[3] for row in session.execute(queries["schema"]) if row[0] == "table"}
    in_keys: dict[str, set[str]] = {}
    for name, _, _, column in session.execute(queries["key_columns"]):
        in_keys.setdefault(name, set()).add(column)
    for name, column in session.execute(queries["primary_keys"]):
        in_keys.setdefault(name, set()).add(column)
    references: dict[str, list[ReferenceShape]] = {}
    rows = session.execute(queries["references"])
    for (name, _, target), parts in groupby(rows, key=lambda row: row[:3]):
        each = list(parts)
        references.setdefault(name, []).append(
            ReferenceShape(
                columns=tuple(row[3] for row in each),
                table=numbers_by_name.get(target.lower(), -1),
                targets=tuple(
                    row[4] or _key(tables, target, place) for place, row in enumerate(each)
                ),
            )
        )
    return [
        _shape(number, table, sqls[table.name], in_keys.get(table.name, set()),
               references.get(table.name, []))
        for number, table in enumerate(tables)
    ]  # fmt: skip


def _key(tables: Sequence[Table], name: str, place: int) -> str:
    """Return the column of another table's key that a reference without columns means."""
    found = next((table for table in tables if table.name.lower() == name.lower()), None)
    return found.key[place] if found is not None and place < len(found.key) else "rowid"


def _shape(
    number: int, table: Table, sql: str, in_key: set[str], references: Sequence[ReferenceShape]
) -> TableShape:
    checks = []
    for name, definition in declared(sql).constraints:
        if definition.startswith("CHECK"):
            words = {word.lower() for word in re.findall(r"\w+", definition)}
            about = tuple(column for column in table.columns if _words(column) <= words)
            condition = definition.removeprefix("CHECK").strip()
            checks.append(CheckShape(name=name or definition, condition=condition, columns=about))
    return TableShape(
        number=number,
        display=table.name,
        columns=tuple(
            ColumnShape(
                name=name, type=kind, base=kind.upper(),
                nullable=not not_null and name not in table.key, in_key=name in in_key,
            )
            for name, (kind, not_null) in table.columns.items()
        ),
        checks=tuple(checks),
        references=tuple(each for each in references if {*each.columns} <= {*table.columns}),
    )  # fmt: skip


def _words(name: str) -> set[str]:
    return {word.lower() for word in re.findall(r"\w+", name)}


def _fill(session: Session, names: Mapping[int, str], shape: TableShape) -> None:
    conditions: dict[str, list[str]] = {column.name: [] for column in shape.columns}
    for check in shape.checks:
        for name in check.columns:
            conditions[name].append(check.condition)
    counted = f"SELECT count(*) FROM main.{quoted(shape.display)}"  # noqa: S608 -- quoted
    taken = session.execute(counted)[0][0]
    values = {
        column.name: _candidates(
            replace(column, taken=taken),
            named_in(conditions[column.name]),
            checked=bool(conditions[column.name]),
        )
        for column in shape.columns
    }
    parents = {each: _parents(session, names, each) for each in shape.references}
    kinds = {column.name: column.base for column in shape.columns}

    def solve(group: Sequence[Alternatives], checks: Sequence[CheckShape]) -> Sequence[_Row]:
        return _solve(session, kinds, group, checks)

    rows = choose_rows(shape, values, parents, solve, count=_ROWS)
    columns = ", ".join(quoted(name) for name in kinds)
    cells = ", ".join(_typed(kind) for kind in kinds.values())
    before = session.execute("SELECT total_changes()")[0][0]
    for row in rows:
        session.execute(
            f"INSERT OR IGNORE INTO main.{quoted(shape.display)} ({columns}) VALUES ({cells})",  # noqa: S608 -- quoted
            [row[name] for name in kinds],
        )
    if session.execute("SELECT total_changes()")[0][0] == before:
        raise CannotFill("every row that was tried is refused, or there already")


def _parents(session: Session, names: Mapping[int, str], reference: ReferenceShape) -> list[_Row]:
    if reference.table not in names:
        raise CannotFill(f"{', '.join(reference.columns)} refer to a table that is not there")
    columns = ", ".join(f"CAST({quoted(name)} AS TEXT)" for name in reference.targets)
    table = quoted(names[reference.table])
    return session.execute(f"SELECT {columns} FROM main.{table} LIMIT {_ROWS * 4}")  # noqa: S608 -- quoted


def _candidates(column: ColumnShape, named: Named, *, checked: bool) -> tuple[str | None, ...]:
    found = list(dict.fromkeys(_values(column, named, checked=checked)))[:_MOST]
    return (*found, *((None,) if column.nullable else ()))


def _values(column: ColumnShape, named: Named, *, checked: bool) -> Iterator[str]:
    """Yield values by the words of a declared type, as people mean them.

    https://www.sqlite.org/datatype3.html#determination_of_column_affinity
    """
    kind = column.base
    if "BOOL" in kind:
        yield from ("1", "0")
    elif "INT" in kind:
        key = _FIRST_KEY + column.taken
        first = (key, key + 1, key + 2) if column.in_key else (7, 8, 9)
        yield from (str(int(n)) for n in numbers(named, first=first) if float(n).is_integer())
    elif any(word in kind for word in ("REAL", "FLOA", "DOUB", "NUM", "DEC", "MONEY")):
        yield from (f"{n:g}" for n in numbers(named, first=(7.5, 8.5, 9.5)))
    elif "DATE" in kind or "TIME" in kind:
        clock = " 10:00:00" if "TIME" in kind else ""
        yield from (f"20{23 + (column.taken + n) % 70}-01-01{clock}" for n in (1, 2, 3))
        yield from named.strings
    elif "JSON" in kind:
        yield from ('{"a": 1}', '{"a": 2}', '{"a": 3}')
    else:
        length = _LENGTH.search(kind)
        longest = int(length[1]) if length else None
        yield from texts(column, named, longest=longest, checked=checked)
        yield from (f"{n:g}" for n in numbers(named, first=()) if checked)


def _typed(kind: str) -> str:
    """Return the place of a value in a statement, with the type that the column stores."""
    if "INT" in kind:
        return "CAST(? AS INTEGER)"
    if any(word in kind for word in ("CHAR", "CLOB", "TEXT")):
        return "CAST(? AS TEXT)"
    if "BLOB" in kind:
        return "CAST(? AS BLOB)"
    if any(word in kind for word in ("REAL", "FLOA", "DOUB")):
        return "CAST(? AS REAL)"
    if any(word in kind for word in ("NUM", "DEC", "BOOL", "MONEY")):
        return "CAST(? AS NUMERIC)"
    return "?"


def _solve(
    session: Session,
    kinds: Mapping[str, str],
    group: Sequence[Alternatives],
    checks: Sequence[CheckShape],
) -> list[_Row]:
    """Let SQLite look through the combinations for those that meet all conditions."""
    sources, values = [], []
    for each in group:
        row = ", ".join(f"{_typed(kinds[name])} AS {quoted(name)}" for name in each.columns)
        sources.append("(" + " UNION ALL ".join([f"SELECT {row}"] * len(each.values)) + ")")
        values += [value for one in each.values for value in one]
    names = ", ".join(f"CAST({quoted(name)} AS TEXT)" for each in group for name in each.columns)
    conditions = " AND ".join(f"({check.condition}) IS NOT FALSE" for check in checks)
    return session.execute(
        f"SELECT {names} FROM {' CROSS JOIN '.join(sources)} WHERE {conditions} LIMIT {_SOLUTIONS}",  # noqa: S608 -- its own text
        values,
    )
