"""Looking on as the statements of a migration run on a scratch file."""

import time
from collections.abc import Callable, Generator, Iterator, Mapping

from banister.engines.sqlite.facts import (
    Facts,
    FileFacts,
    changed_columns,
    changed_indexes,
    changed_relations,
    changed_triggers,
)
from banister.engines.sqlite.program import Program, aims, compiled
from banister.engines.sqlite.session import Session
from banister.errors import Failure, MigrationFailed
from banister.model import (
    Build,
    Dialect,
    Event,
    RelationKind,
    Rewrite,
    Scan,
    StatementTrace,
    Step,
    Traced,
)
from banister.script import traits

__all__ = ["Tracer"]

#: They write to the file's catalog, and what they take along is told by what is gone.
_DEFINES = frozenset({"ALTER", "CREATE", "DROP", "REINDEX", "VACUUM"})


class Tracer:
    """Tells what each statement does, in one file, over all steps that run there."""

    def __init__(self, queries: Mapping[str, str], *, left_out: frozenset[str]) -> None:
        self._facts = FileFacts(queries, left_out=left_out)

    def around(
        self, session: Session, step: Step, number: int, run: Callable[[], None]
    ) -> Generator[Event, None, None]:
        """Run a statement (from 1), and tell what it did, or why SQLite refused it.

        Raises what `run` raises.
        """
        statement = step.statements[number - 1]
        words = traits(statement, Dialect.SQLITE).words
        before = self._facts.read(session)
        program = compiled(session, statement.text, words)
        session.guard.acts.clear()
        started = time.monotonic()
        try:
            run()
        except MigrationFailed as error:
            yield _refused(step, number, error.failure, before)
            raise
        took = round((time.monotonic() - started) * 1000)
        after = self._facts.read(session)
        defines = words[:1] and words[0] in _DEFINES
        trace = StatementTrace(
            number=number,
            statement=statement,
            relations=tuple(changed_relations(before, after)),
            columns=tuple(changed_columns(before, after)),
            indexes=tuple(changed_indexes(before, after)),
            objects=tuple(changed_triggers(before, after)),
            scans=tuple(_scans(program, before, words)),
            rewrites=tuple(_rewrites(program, before, words)),
            builds=tuple(_builds(program, before, after, words)),
            aims=() if defines else tuple(aims(session.guard.acts, program, before)),
            alone=not session.in_transaction,
            duration_ms=took,
        )
        yield Traced(step=step, trace=trace, before=before.catalog)


def _refused(step: Step, number: int, failure: Failure, before: Facts) -> Traced:
    trace = StatementTrace(number=number, statement=step.statements[number - 1], failure=failure)
    return Traced(step=step, trace=trace, before=before.catalog)


def _scans(program: Program, before: Facts, words: tuple[str, ...]) -> Iterator[Scan]:
    if words[:1] == ("VACUUM",):
        return
    indexing = words[:1] == ("REINDEX",) or words[:2] in {("CREATE", "INDEX"), ("CREATE", "UNIQUE")}
    found = {before.tables[root] for root in program.scanned if root in before.tables}
    rewritten = {before.tables[root] for root in program.rewritten if root in before.tables}
    for table in sorted(found):
        if not indexing and not (words[:1] == ("ALTER",) and table in rewritten):
            yield Scan(table_oid=table, table=_name(before, table), why="read")
    if program.verifies and words[:2] == ("ALTER", "TABLE"):
        for table in _altered(before, words):
            yield Scan(table_oid=table, table=_name(before, table), why="verify")


def _altered(before: Facts, words: tuple[str, ...]) -> Iterator[int]:
    """Yield the table that ALTER TABLE names."""
    named = {name.upper(): number for (kind, name), number in before.numbers.items()
             if kind == "table"}  # fmt: skip
    for word in words[2:]:
        if word.upper() in named:
            yield named[word.upper()]
            return


def _rewrites(program: Program, before: Facts, words: tuple[str, ...]) -> Iterator[Rewrite]:
    if words[:1] == ("VACUUM",):
        tables = sorted(before.columns)
    elif words[:1] == ("ALTER",):
        tables = sorted({before.tables[r] for r in program.rewritten if r in before.tables})
    else:
        return
    for table in tables:
        name = _name(before, table)
        yield Rewrite(
            relation_oid=table, relation=name, kind=RelationKind.TABLE, table_oid=table,
            table=name, how="rewrite",
        )  # fmt: skip


def _builds(
    program: Program, before: Facts, after: Facts, words: tuple[str, ...]
) -> Iterator[Build]:
    for change in changed_indexes(before, after):
        index = change.after
        if index is not None and index.table_oid in before.columns:
            yield Build(
                index_oid=index.oid, index=index.name, table_oid=index.table_oid, table=index.table
            )
    if words[:1] == ("REINDEX",):
        for index in before.catalog.indexes.values():
            if before.roots.get(index.oid) in program.cleared:
                yield Build(
                    index_oid=index.oid, index=index.name, table_oid=index.table_oid,
                    table=index.table,
                )  # fmt: skip


def _name(facts: Facts, table: int) -> str:
    return facts.catalog.relations[table].name
