"""Rules about the conditions of domains. No I/O."""

from collections.abc import Iterator

from banister.model import ConstraintFacts, LockMode, RelationFacts
from banister.rehearsal.rules.base import Hazard, Match, Safer, Seen
from banister.rehearsal.rules.looks import tables_scanned
from banister.rehearsal.rules.texts import ADD_NOT_VALID, VALIDATE, about_column, joined
from banister.rehearsal.verdicts import Verdict

__all__ = ["DOMAINS"]

_ALTER_DOMAIN = "https://www.postgresql.org/docs/current/sql-alterdomain.html"


def _added(seen: Seen) -> Iterator[Match]:
    for change in seen.trace.constraints:
        made = change.after
        if made is not None and change.made and made.domain is not None and made.validated:
            yield from _matches(seen, made)
    yield from _made_required(seen)


def _made_required(seen: Seen) -> Iterator[Match]:
    """Yield what SET NOT NULL does where it is no constraint of its own, before 17."""
    said = {change.any.domain for change in seen.trace.constraints}
    for change in seen.trace.objects:
        before, after = change.before, change.after
        if before is None or after is None or after.kind != "domain" or after.name in said:
            continue
        required = ConstraintFacts(
            oid=0,
            name="not_null",
            kind="not null",
            table_oid=0,
            table="",
            domain=after.name,
            definition="NOT NULL VALUE",
        )
        yield from _matches(seen, required)


def _validated(seen: Seen) -> Iterator[Match]:
    for change in seen.trace.constraints:
        before, after = change.before, change.after
        if before is None or after is None or after.domain is None:
            continue
        if after.validated and not before.validated:
            yield from _matches(seen, after)


def _matches(seen: Seen, constraint: ConstraintFacts) -> Iterator[Match]:
    read = [
        table for table in tables_scanned(seen, "read") if seen.holds(table.oid, LockMode.SHARE)
    ]
    if not read:
        return
    added, validated = [], []
    for table in read:
        for name, column in _columns(seen, table, constraint):
            condition = about_column(constraint.definition, column)
            if constraint.kind == "not null":
                condition = f"CHECK ({column} IS NOT NULL)"
            added.append(
                ADD_NOT_VALID.format(table=table.name, constraint=name, condition=condition)
            )
            validated.append(VALIDATE.format(table=table.name, constraint=name))
    largest = max(read, key=lambda table: seen.size(table.oid).rows or 0)
    yield Match(
        table_oid=largest.oid,
        names={
            "table": largest.name,
            "tables": ", ".join(table.name for table in read),
            "domain": constraint.domain or "",
            "constraint": constraint.name,
            "added": "\n".join(added),
            "validated": "\n".join(validated),
        },
    )


def _columns(
    seen: Seen, table: RelationFacts, constraint: ConstraintFacts
) -> Iterator[tuple[str, str]]:
    """Yield the columns of that domain, each behind a name for its constraint."""
    for column in seen.before.columns.values():
        if column.table_oid == table.oid and column.type == constraint.domain:
            yield joined(table.bare_name, column.name, constraint.name), column.name


DOMAINS = (
    Hazard(
        rule="domain-add-constraint",
        title="A condition is added to a domain that tables use",
        effect="reads all of {tables} while nobody can write there, to check {constraint} of"
        " {domain}",
        verdict=Verdict.BLOCKS_WRITES,
        grows=True,
        safer=(Safer(files=("{added}", "{validated}"), only_if="added"),),
        advice="a CHECK of each table instead; with NOT VALID the domain itself checks new values"
        " alone and nothing is read, and it has to stay so",
        source=_ALTER_DOMAIN,
        meets=_added,
    ),
    Hazard(
        rule="domain-validate-constraint",
        title="A condition of a domain is validated",
        effect="reads all of {tables} while nobody can write there, to check {constraint} of"
        " {domain}: of a domain, unlike of a table, this locks writers out",
        verdict=Verdict.BLOCKS_WRITES,
        grows=True,
        safer=(Safer(files=("{added}", "{validated}"), only_if="added"),),
        advice="leave it NOT VALID: new values are checked all the same; where old ones have to be"
        " certain, let a CHECK of each table say so",
        source=_ALTER_DOMAIN,
        meets=_validated,
    ),
)
