"""Rules about triggers, rewrite rules and row security. No I/O."""

from collections.abc import Iterator

from banister.errors import Severity
from banister.model import Changed, ObjectFacts
from banister.rehearsal.rules.base import Hazard, Match, Seen
from banister.rehearsal.verdicts import Verdict

__all__ = ["TRIGGERS"]

_ALTER_TABLE = "https://www.postgresql.org/docs/current/sql-altertable.html"
_CREATE_TRIGGER = "https://www.postgresql.org/docs/current/sql-createtrigger.html"
_ROW_SECURITY = "https://www.postgresql.org/docs/current/ddl-rowsecurity.html"

#: The rule that makes a view out of a table.
_OF_VIEW = '"_RETURN"'
#: What pg_trigger.tgenabled and pg_rewrite.ev_enabled hold.
_FIRES = {
    "O": "fires again",
    "D": "no longer fires",
    "R": "fires for replicated rows alone",
    "A": "fires for replicated rows too",
}


def _changes(seen: Seen, kind: str) -> Iterator[Changed[ObjectFacts]]:
    """Yield what of that kind changed on relations of before the run, which stay.

    What goes with something else that is dropped is left to the rules about that.
    """
    gone = {change.any.oid for change in seen.trace.relations if change.dropped}
    told: set[tuple[str, bool, bool]] = set()
    for change in seen.trace.objects:
        oid = change.any.of_oid
        if change.any.kind != kind or not seen.was_there(oid) or oid in gone:
            continue
        if change.dropped and seen.trace.cascaded:
            continue
        # Its table alone is called otherwise.
        if change.before and change.after and change.before.stamp == change.after.stamp:
            continue
        # The partitions of a table have its triggers, by the same name.
        key = (change.any.name, change.made, change.dropped)
        if key not in told:
            told.add(key)
            yield change


def _match(change: Changed[ObjectFacts], **names: str) -> Match:
    known = {"table": change.any.of or "", "name": change.any.name}
    return Match(table_oid=change.any.of_oid, names={**known, **names})


def _triggers_created(seen: Seen) -> Iterator[Match]:
    for change in _changes(seen, "trigger"):
        before, after = change.before, change.after
        if before is None:
            yield _match(change, done="made")
        elif after is not None:
            same = (before.name, before.definition) == (after.name, after.definition)
            if same:
                yield _match(change, done="replaced")


def _triggers_dropped(seen: Seen) -> Iterator[Match]:
    yield from (_match(change) for change in _changes(seen, "trigger") if change.dropped)


def _triggers_switched(seen: Seen) -> Iterator[Match]:
    for kind in ("trigger", "rule"):
        for change in _changes(seen, kind):
            before, after = change.before, change.after
            if before is None or after is None or before.definition == after.definition:
                continue
            yield _match(change, kind=kind, how=_FIRES.get(after.definition, "is switched"))


def _triggers_renamed(seen: Seen) -> Iterator[Match]:
    for change in _changes(seen, "trigger"):
        before, after = change.before, change.after
        if before is not None and after is not None and before.name != after.name:
            yield _match(change, old=before.name)


def _rules_changed(seen: Seen) -> Iterator[Match]:
    for change in _changes(seen, "rule"):
        before, after = change.before, change.after
        if change.any.name == _OF_VIEW:
            continue
        if before is None or after is None:
            yield _match(change, done="made" if change.made else "dropped")
        elif before.definition == after.definition:
            yield _match(change, done="replaced" if before.name == after.name else "renamed")


def _has_policies(seen: Seen, oid: int) -> bool:
    policies = (each for each in seen.before.objects.values() if each.kind == "policy")
    return any(each.of_oid == oid for each in policies)


def _secured(seen: Seen, *, with_policies: bool) -> Iterator[Match]:
    for change in seen.trace.relations:
        before, after = change.before, change.after
        if before is None or after is None or not seen.was_there(after.oid):
            continue
        on = after.row_security and not before.row_security
        alone = on and not _has_policies(seen, after.oid)
        if alone is with_policies:
            continue
        if before.row_security != after.row_security:
            what = "policies decide which rows each role sees and writes"
            if not on:
                what = "policies no longer hold: each role sees and writes all rows"
        elif before.force_row_security != after.force_row_security:
            what = "policies hold for the owner too"
            if not after.force_row_security:
                what = "policies no longer hold for the owner"
        else:
            continue
        yield Match(table_oid=after.oid, names={"table": after.name, "what": what})


def _security_changed(seen: Seen) -> Iterator[Match]:
    yield from _secured(seen, with_policies=True)


def _locked_out(seen: Seen) -> Iterator[Match]:
    yield from _secured(seen, with_policies=False)


def _policies_changed(seen: Seen) -> Iterator[Match]:
    for change in _changes(seen, "policy"):
        done = "made" if change.made else "dropped" if change.dropped else "changed"
        yield _match(change, done=done)


TRIGGERS = (
    Hazard(
        rule="create-trigger",
        title="A trigger is made or replaced",
        effect="nobody can write to {table} until the commit; from then on each write that trigger"
        " {name}, which is {done}, is for runs its function in the writer's own transaction",
        verdict=Verdict.BRIEF_LOCK,
        severity=Severity.NOTICE,
        advice="keep the migration short; CREATE OR REPLACE TRIGGER changes one without a moment in"
        " which it is not there",
        source=_CREATE_TRIGGER,
        meets=_triggers_created,
    ),
    Hazard(
        rule="drop-trigger",
        title="A trigger is dropped",
        effect="nobody can read or write {table} until the commit; from then on nothing does what"
        " trigger {name} did",
        verdict=Verdict.BRIEF_LOCK,
        severity=Severity.NOTICE,
        advice="to change it, CREATE OR REPLACE TRIGGER lets others read meanwhile",
        source="https://www.postgresql.org/docs/current/sql-droptrigger.html",
        meets=_triggers_dropped,
    ),
    Hazard(
        rule="disable-trigger",
        title="A trigger or rule is switched off or on",
        effect="{kind} {name} of {table} {how}, for all sessions: what it keeps right is wrong for"
        " rows that are written while it is off",
        verdict=Verdict.BRIEF_LOCK,
        severity=Severity.WARNING,
        advice="to write rows without their triggers in one session alone, use SET LOCAL"
        " session_replication_role = replica, where the role may",
        source=_ALTER_TABLE,
        meets=_triggers_switched,
    ),
    Hazard(
        rule="rename-trigger",
        title="A trigger is renamed",
        effect="trigger {old} of {table} is called {name}; triggers fire in the order of their"
        " names. Needs nobody to use the table for a moment",
        verdict=Verdict.BRIEF_LOCK,
        severity=Severity.NOTICE,
        advice="see whether another trigger of {table} must fire before or behind it",
        source="https://www.postgresql.org/docs/current/sql-altertrigger.html",
        meets=_triggers_renamed,
    ),
    Hazard(
        rule="create-rule",
        title="A rewrite rule is made, changed or dropped",
        effect="rule {name} of {table} is {done}: nobody can read or write {table} until the"
        " commit, and from then on statements on it are rewritten in another way",
        verdict=Verdict.BRIEF_LOCK,
        severity=Severity.NOTICE,
        advice="a trigger does the same with a weaker lock, and sees each row once",
        source="https://www.postgresql.org/docs/current/rules-triggers.html",
        meets=_rules_changed,
    ),
    Hazard(
        rule="row-security",
        title="Row security is switched on, off or forced",
        effect="{table}: from the commit on {what}; needs nobody to use the table for a moment",
        verdict=Verdict.BRIEF_LOCK,
        severity=Severity.NOTICE,
        advice="make the policies first and try them with the roles that the application uses",
        source=_ROW_SECURITY,
        meets=_security_changed,
    ),
    Hazard(
        rule="row-security-without-policy",
        title="Row security is switched on where no policy lets anybody see a row",
        effect="from the commit on nobody but the owner of {table} sees or writes a row of it: it"
        " has no policy",
        verdict=Verdict.BRIEF_LOCK,
        advice="CREATE POLICY first, ENABLE ROW LEVEL SECURITY last",
        source=_ROW_SECURITY,
        meets=_locked_out,
    ),
    Hazard(
        rule="policy-change",
        title="A policy is made, changed or dropped",
        effect="policy {name} of {table} is {done}: which rows a role sees and writes changes at"
        " once. Needs nobody to use the table for a moment",
        verdict=Verdict.BRIEF_LOCK,
        severity=Severity.NOTICE,
        advice="several permissive policies add up: make the new one before the old one is dropped,"
        " in one migration",
        source="https://www.postgresql.org/docs/current/sql-createpolicy.html",
        meets=_policies_changed,
    ),
)
