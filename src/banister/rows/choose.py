"""Which values the rows of a table are given: chosen among candidates, by its rules. No I/O."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from banister.rows.shapes import CheckShape, ReferenceShape, TableShape

__all__ = ["Alternatives", "CannotFill", "Solve", "choose_rows"]

#: Combinations that a server is asked to look through for one condition.
_COMBINATIONS = 20_000

Value = str | None


class CannotFill(Exception):
    """No row can be made that the table takes; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternatives:
    """Columns, and the values that they may have together."""

    columns: tuple[str, ...]
    values: tuple[tuple[Value, ...], ...]


#: Returns those combinations of some alternatives that meet all conditions, for the columns of all
#: alternatives in their order.
Solve = Callable[[Sequence[Alternatives], Sequence[CheckShape]], Sequence[tuple[Value, ...]]]


def choose_rows(
    table: TableShape,
    candidates: Mapping[str, Sequence[Value]],
    parents: Mapping[ReferenceShape, Sequence[tuple[Value, ...]]],
    solve: Solve,
    *,
    count: int,
) -> list[dict[str, Value]]:
    """Return up to `count` rows, as unlike each other as the conditions of the table let them be.

    `candidates` are values by column, the best first; `parents` the rows that are there to refer
    to. Raises CannotFill.
    """
    single = _referring(table, candidates, parents)
    taken = {column for each in single for column in each.columns}
    for column in table.columns:
        if column.name in taken:
            continue
        values = candidates.get(column.name) or ((None,) if column.nullable else ())
        if not values:
            raise CannotFill(f"no value is known for {column.name}, of type {column.type}")
        single.append(Alternatives(columns=(column.name,), values=tuple((v,) for v in values)))
    rows: list[dict[str, Value]] = [{} for _ in range(count)]
    for group, checks in _groups(single, table.checks):
        columns = [name for each in group for name in each.columns]
        found = _solved(group, checks, solve) if checks else group[0].values
        for row, chosen in zip(rows, _unlike(found, count), strict=True):
            row.update(zip(columns, chosen, strict=True))
    return rows


def _referring(
    table: TableShape,
    candidates: Mapping[str, Sequence[Value]],
    parents: Mapping[ReferenceShape, Sequence[tuple[Value, ...]]],
) -> list[Alternatives]:
    """Return what columns that refer may hold; those of two references must agree with both."""
    found: list[Alternatives] = []
    nullable = {column.name for column in table.columns if column.nullable}
    for reference in table.references:
        names = reference.columns
        rows = tuple(row for row in parents[reference] if None not in row)
        if not rows:
            if not nullable & {*names}:
                raise CannotFill(f"there is no row that {', '.join(names)} could refer to")
            # One NULL is enough: https://www.postgresql.org/docs/current/ddl-constraints.html
            fillers = [None if name in nullable else _first(candidates, name) for name in names]
            rows = (tuple(fillers),)
        mine = Alternatives(columns=names, values=rows)
        for other in [each for each in found if {*each.columns} & {*names}]:
            found.remove(other)
            mine = _joined(other, mine)
        if not mine.values:
            raise CannotFill(f"no rows agree on what {', '.join(mine.columns)} refer to")
        found.append(mine)
    return found


def _first(candidates: Mapping[str, Sequence[Value]], name: str) -> Value:
    values = candidates.get(name)
    return values[0] if values else None


def _joined(one: Alternatives, two: Alternatives) -> Alternatives:
    both = [name for name in two.columns if name in one.columns]
    more = [name for name in two.columns if name not in one.columns]
    values = []
    for left, right in product(one.values, two.values):
        mine = dict(zip(one.columns, left, strict=True))
        theirs = dict(zip(two.columns, right, strict=True))
        if all(mine[name] == theirs[name] for name in both):
            values.append((*left, *(theirs[name] for name in more)))
    return Alternatives(columns=(*one.columns, *more), values=tuple(values))


def _groups(
    single: Iterable[Alternatives], checks: Iterable[CheckShape]
) -> list[tuple[list[Alternatives], list[CheckShape]]]:
    """Put together what one condition is about."""
    groups: list[tuple[list[Alternatives], list[CheckShape]]] = [([each], []) for each in single]
    for check in checks:
        about = [
            group
            for group in groups
            if any({*each.columns} & {*check.columns} for each in group[0])
        ]
        if not about:
            continue
        groups = [group for group in groups if group not in about]
        groups.append(
            (
                [each for group in about for each in group[0]],
                [*(one for group in about for one in group[1]), check],
            )
        )
    return groups


def _solved(
    group: Sequence[Alternatives], checks: Sequence[CheckShape], solve: Solve
) -> Sequence[tuple[Value, ...]]:
    most = max(2, int(_COMBINATIONS ** (1 / len(group))))
    # NULL stands last among the candidates, and must stay one.
    cut = [Alternatives(columns=each.columns, values=_cut(each.values, most)) for each in group]
    values = solve(cut, checks)
    if not values:
        names = ", ".join(check.name for check in checks)
        raise CannotFill(f"no values were found that {names} lets pass")
    return values


def _cut(values: tuple[tuple[Value, ...], ...], most: int) -> tuple[tuple[Value, ...], ...]:
    return values if len(values) <= most else (*values[: most - 1], values[-1])


def _unlike(values: Sequence[tuple[Value, ...]], count: int) -> list[tuple[Value, ...]]:
    """Return `count` of the values, each as unlike those before it as possible, without NULL."""
    full = [value for value in values if None not in value] or list(values)
    chosen = [full[0]]
    while len(chosen) < count:
        best = max(
            full,
            key=lambda value: min(
                sum(a != b for a, b in zip(value, other, strict=True)) for other in chosen
            ),
        )
        chosen.append(best)
    return chosen
