"""Rehearsals as plain data, for tests of what is said about them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from banister.errors import Failure, Location, Severity
from banister.model import (
    Build,
    Dialect,
    LockMode,
    RelationKind,
    Rewrite,
    Scan,
    Statement,
    StatementTrace,
    Step,
    TableSize,
    TransactionMode,
    Unfilled,
    Version,
    Written,
)
from banister.planning import make_step
from banister.rehearsal import (
    HazardFinding,
    HeldLock,
    MigrationRehearsal,
    Rehearsal,
    StatementRehearsal,
    Verdict,
)
from samples import a_script

__all__ = [
    "BIG",
    "HOSTILE",
    "a_finding",
    "a_lock",
    "a_migration_rehearsal",
    "a_rehearsal",
    "a_step",
    "a_trace",
    "builds",
    "five_hazards",
    "hostile_rehearsal",
    "rewrites",
    "safe_migrations",
    "scans",
    "updates",
]

BIG = TableSize(rows=48_000_000, size_bytes=31 * 1024**3)

#: What nothing that is printed may pass on as it is.
HOSTILE = "</script><img src=x onerror=alert(1)>|`@octocat`\x1b[31m\u202e%0A::error::x"

_ANY = Statement(text="SELECT 1;", start=0, line=1, column=1)

_OFF = "-- banister: transaction=off\n"

_FOREIGN_KEY = """\
ALTER TABLE positions
    ADD CONSTRAINT positions_portfolio_fkey
    FOREIGN KEY (portfolio_id) REFERENCES portfolios (id) NOT VALID;
"""

FIVE = """\
-- Limits for every portfolio.
ALTER TABLE portfolios ADD COLUMN token uuid DEFAULT gen_random_uuid();
ALTER TABLE portfolios ALTER COLUMN owner SET NOT NULL;

CREATE INDEX positions_portfolio ON positions (portfolio_id);
ALTER TABLE positions
    ADD CONSTRAINT positions_portfolio_fkey
    FOREIGN KEY (portfolio_id) REFERENCES portfolios (id);
COMMENT ON TABLE portfolios IS 'What a client holds';
ALTER TABLE portfolios DROP COLUMN note;
"""


def a_step(label: str, text: str, *, mode: TransactionMode = TransactionMode.WHOLE) -> Step:
    """A step of a file with that text; `label` is number and name."""
    number, _, name = label.partition("_")
    script = a_script(text, path=f"migrations/{label}.up.sql")
    step, _ = make_step(Version(number), name, script, Dialect.POSTGRESQL)
    return replace(step, mode=mode)


def a_lock(
    relation: str,
    mode: LockMode = LockMode.ACCESS_EXCLUSIVE,
    *,
    by: int = 1,
    through: int | None = None,
    size: TableSize = BIG,
    kind: RelationKind = RelationKind.TABLE,
) -> HeldLock:
    """A lock on a relation, held through that statement or only through its own."""
    return HeldLock(
        relation=relation,
        kind=kind,
        mode=mode,
        blocks=mode.blocks,
        taken_by=by,
        held_through=by if through is None else through,
        size=size,
    )


def a_finding(
    rule: str = "set-not-null",
    message: str = "reads all of portfolios while nobody can read or write it",
    *,
    severity: Severity = Severity.WARNING,
    verdict: Verdict = Verdict.BLOCKS_ALL,
    safer: tuple[str, ...] = (),
    advice: str | None = None,
    accepted: str | None = None,
    location: Location | None = None,
) -> HazardFinding:
    """A finding; without a place it gets that of its statement."""
    return HazardFinding(
        rule=rule,
        severity=severity,
        verdict=verdict,
        message=message,
        safer=safer,
        advice=advice,
        relation="portfolios",
        accepted=accepted,
        location=location,
    )


def rewrites(*tables: str) -> tuple[Rewrite, ...]:
    """Each of the tables is written again."""
    return tuple(
        Rewrite(
            relation_oid=_oid(table),
            relation=table,
            kind=RelationKind.TABLE,
            table=table,
            table_oid=_oid(table),
            how="rewrite",
            reasons=("default",),
        )
        for table in tables
    )


def scans(*tables: str, why: str = "verify") -> tuple[Scan, ...]:
    """Each of the tables is read whole."""
    return tuple(Scan(table_oid=_oid(table), table=table, why=why) for table in tables)


def builds(index: str, table: str) -> tuple[Build, ...]:
    """An index is made from the rows of a table."""
    return (Build(index_oid=_oid(index), index=index, table_oid=_oid(table), table=table),)


def updates(table: str, rows: int, of: int) -> tuple[Written, ...]:
    """Some of the rows that the copy has are updated."""
    return (Written(table_oid=_oid(table), table=table, updated=rows, rows_before=of),)


def a_migration_rehearsal(
    label: str,
    text: str,
    *,
    verdict: Verdict = Verdict.SAFE,
    mode: TransactionMode = TransactionMode.WHOLE,
    seen: Mapping[int, StatementTrace] | None = None,
    locks: Mapping[int, Sequence[HeldLock]] | None = None,
    findings: Mapping[int, Sequence[HazardFinding]] | None = None,
    whole: tuple[HazardFinding, ...] = (),
) -> MigrationRehearsal:
    """A migration of which some statements, by number from 1, were seen to do something."""
    step = a_step(label, text, mode=mode)
    told = []
    for number, statement in step.to_run():
        place = step.script.source.locate(statement.start)
        trace = (seen or {}).get(number)
        plain = StatementTrace(number=number, statement=statement)
        told.append(
            StatementRehearsal(
                trace=replace(trace or plain, number=number, statement=statement),
                location=place,
                locks=tuple((locks or {}).get(number, ())),
                findings=tuple(
                    replace(each, location=each.location or place)
                    for each in (findings or {}).get(number, ())
                ),
            )
        )
    return MigrationRehearsal(
        step=step, verdict=verdict, statements=tuple(told), findings=whole, duration_ms=12
    )


def a_trace(
    *,
    rewritten: tuple[Rewrite, ...] = (),
    scanned: tuple[Scan, ...] = (),
    built: tuple[Build, ...] = (),
    written: tuple[Written, ...] = (),
    failure: Failure | None = None,
) -> StatementTrace:
    """What was seen of a statement, whichever it is."""
    return StatementTrace(
        number=1,
        statement=_ANY,
        rewrites=rewritten,
        scans=scanned,
        builds=built,
        written=written,
        failure=failure,
    )


def a_rehearsal(*migrations: MigrationRehearsal, **more: object) -> Rehearsal:
    """A rehearsal of these migrations on a copy of a target with two tables."""
    made = Rehearsal(
        migrations=migrations,
        server="PostgreSQL 18.1, embedded",
        copied="the target's schema, by pg_dump",
        sizes={"portfolios": BIG, "positions": TableSize(rows=900, size_bytes=120 * 1024)},
        duration_ms=1234,
    )
    return replace(made, **more)  # type: ignore[arg-type]


def five_hazards() -> MigrationRehearsal:
    """A migration that does five dangerous things, and one that is none."""
    exclusive, small = a_lock("portfolios", by=1, through=6), TableSize(rows=900, size_bytes=122880)
    share_row = LockMode.SHARE_ROW_EXCLUSIVE
    return a_migration_rehearsal(
        "003_portfolio_limits",
        FIVE,
        verdict=Verdict.LOSES_DATA,
        seen={
            1: a_trace(rewritten=rewrites("portfolios")),
            2: a_trace(scanned=scans("portfolios")),
            3: a_trace(built=builds("positions_portfolio", "positions")),
            4: a_trace(scanned=scans("positions", "portfolios", why="foreign key")),
        },
        locks={
            1: [exclusive],
            3: [a_lock("positions", LockMode.SHARE, by=3, through=6, size=small)],
            4: [a_lock("positions", share_row, by=4, through=6, size=small)],
        },
        findings=_five_findings(),
    )


def _five_findings() -> dict[int, list[HazardFinding]]:
    return {
        1: [
            a_finding(
                "add-column-volatile-default",
                "rewrites portfolios (48 M rows, 31 GB) while nobody can read or write it",
                severity=Severity.ERROR,
                safer=(
                    "ALTER TABLE portfolios ADD COLUMN token uuid;",
                    f"{_OFF}UPDATE portfolios SET token = gen_random_uuid() WHERE token IS NULL;",
                ),
                advice="the update is to be done in batches of some thousand rows",
            )
        ],
        2: [
            a_finding(
                "set-not-null",
                "reads all of portfolios (48 M rows, 31 GB) while nobody can read or write it",
                severity=Severity.ERROR,
                safer=(
                    "ALTER TABLE portfolios\n    ADD CONSTRAINT owner_nn NOT NULL owner NOT VALID;",
                    "ALTER TABLE portfolios VALIDATE CONSTRAINT owner_nn;",
                ),
            )
        ],
        3: [
            a_finding(
                "create-index-blocking",
                "builds positions_portfolio while nobody can write to positions",
                severity=Severity.NOTICE,
                verdict=Verdict.BRIEF_LOCK,
                safer=(f"{_OFF}CREATE INDEX CONCURRENTLY i\n    ON positions (portfolio_id);",),
            )
        ],
        4: [
            a_finding(
                "add-foreign-key",
                "checks positions (900 rows, 120 kB) and portfolios while nobody can write to them",
                verdict=Verdict.BLOCKS_WRITES,
                safer=(
                    _FOREIGN_KEY,
                    "ALTER TABLE positions VALIDATE CONSTRAINT positions_portfolio_fkey;",
                ),
            )
        ],
        6: [
            a_finding(
                "drop-column",
                "drops portfolios.note and what is in it; a running application that still reads "
                "it will fail",
                verdict=Verdict.LOSES_DATA,
                advice="first deploy an application that does not use it",
            )
        ],
    }


def safe_migrations(count: int) -> list[MigrationRehearsal]:
    """Migrations that nobody has to wait for."""
    return [
        a_migration_rehearsal(f"{number:03}_table_{number}", f"CREATE TABLE t{number} (id int);")
        for number in range(1, count + 1)
    ]


def hostile_rehearsal() -> Rehearsal:
    """A rehearsal in which every text that comes from outside is hostile."""
    sql = f"SELECT '{HOSTILE}';\nALTER TABLE \"{HOSTILE}\" ADD COLUMN x int; -- {HOSTILE}\n"
    finding = a_finding(
        "set-not-null",
        f"reads all of {HOSTILE}",
        safer=(f"SELECT '{HOSTILE}';\n```\n</pre>",),
        advice=HOSTILE,
    )
    accepted = replace(finding, accepted=HOSTILE)
    migration = a_migration_rehearsal(
        "004_hostile",
        sql,
        verdict=Verdict.BLOCKS_ALL,
        seen={2: a_trace(rewritten=rewrites(HOSTILE))},
        locks={2: [a_lock(HOSTILE, by=2)]},
        findings={1: [accepted], 2: [finding]},
        whole=(finding,),
    )
    step = replace(migration.step, name=f"hostile {HOSTILE}")
    return a_rehearsal(
        replace(migration, step=step),
        across=(finding,),
        server=HOSTILE,
        copied=HOSTILE,
        not_certified=HOSTILE,
        lost_probes=(HOSTILE,),
        unfilled=(Unfilled(table=HOSTILE, reason=HOSTILE),),
        not_tried=(replace(step, name=HOSTILE),),
    )


def _oid(name: str) -> int:
    return 16_384 + sum(map(ord, name))
