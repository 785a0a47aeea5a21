"""What `verify` found → text and JSON. No I/O."""

from collections.abc import Callable, Collection
from typing import Any

from banister.errors import BanisterError
from banister.proof.verdicts import (
    AgainVerdict,
    ChainProof,
    DataProof,
    DataVerdict,
    DownVerdict,
    Proof,
    Proven,
)
from banister.report.style import Style, columns, duration, plural
from banister.report.text import error_lines
from banister.snapshot import Change, Difference, ObjectKind

__all__ = ["proof_lines", "proven_json"]

#: More of one kind are counted.
_SHOWN = 12
_WORDS = {
    DownVerdict.EXACT: "exact",
    DownVerdict.ORDER_ONLY: "order only",
    DownVerdict.DIFFERS: "differs",
    DownVerdict.FAILS: "fails",
    DownVerdict.MISSING: "missing",
    DownVerdict.IRREVERSIBLE: "irreversible",
    DownVerdict.KEPT: "kept",
}
_AGAIN = {
    AgainVerdict.OK: "up again ok",
    AgainVerdict.FAILS: "up again fails",
    AgainVerdict.DIFFERS: "up again differs",
    AgainVerdict.NOT_TRIED: "",
}
_DATA = {
    DataVerdict.OK: "data ok",
    DataVerdict.DIFFERS: "data differs",
    DataVerdict.FAILS: "data fails",
    DataVerdict.UNDECIDED: "data undecided",
    DataVerdict.NOT_TRIED: "",
}


def proof_lines(proven: Proven, style: Style) -> list[str]:
    """Return the table of verdicts, then what is behind each that is not good."""
    lines = columns([_cells(proof, style) for proof in proven.proofs])
    told: set[tuple[str, ...]] = set()
    for proof in proven.proofs:
        together = tuple(version.text for version in proof.together)
        if together in told:
            continue
        told |= {together} if together else set()
        lines += _behind(proof, style)
    if proven.unfilled:
        lines += ["", "no rows could be put into:"]
        lines += [f"  {each}" for each in proven.unfilled[:_SHOWN]]
        lines += [f"  … and {len(proven.unfilled) - _SHOWN} more"] * (len(proven.unfilled) > _SHOWN)
    if proven.chain is not None:
        told_errors = {proof.error.message for proof in proven.proofs if proof.error is not None}
        lines += ["", *_chain_lines(proven.chain, style, told_errors)]
    return [*lines, "", _summary(proven, style)]


def _cells(proof: Proof, style: Style) -> list[tuple[str, str]]:
    mark = style.good if proof.good else style.bad
    if proof.down in {DownVerdict.ORDER_ONLY, DownVerdict.IRREVERSIBLE, DownVerdict.KEPT}:
        mark = style.warn
    word, again, data = _WORDS[proof.down], _AGAIN[proof.again], _DATA[proof.data.verdict]
    note = _note(proof)
    return [
        (proof.version.text, style.bold(proof.version.text)),
        (proof.name, proof.name),
        (word, mark(word)),
        (again, style.dim(again) if proof.again is AgainVerdict.OK else style.bad(again)),
        (data, _data_mark(proof.data, style)(data)),
        (note, style.dim(note)),
    ]


def _data_mark(data: DataProof, style: Style) -> Callable[[str], str]:
    match data.verdict:
        case DataVerdict.FAILS:
            return style.bad
        case DataVerdict.DIFFERS | DataVerdict.UNDECIDED:
            return style.warn
    return style.dim


def _note(proof: Proof) -> str:
    notes = []
    if proof.together:
        notes.append("with " + ", ".join(v.text for v in proof.together if v != proof.version))
    if proof.kept:
        notes.append("keeps " + ", ".join(proof.kept))
    if proof.down is DownVerdict.MISSING:
        notes.append("no down file, and not declared irreversible")
    if proof.cached:
        notes.append("proven before")
    return "; ".join(notes)


def _behind(proof: Proof, style: Style) -> list[str]:
    label = f"{proof.version}_{proof.name}"
    lines: list[str] = []
    if proof.differences and proof.down not in {DownVerdict.KEPT, DownVerdict.EXACT}:
        lines += ["", f"{style.bold(label)}: after its down", *_listed(proof.differences)]
        lines += [style.dim(f"  hint: {each}") for each in _left_on_purpose(proof)]
    if proof.differences_again and proof.again is AgainVerdict.DIFFERS:
        lines += ["", f"{style.bold(label)}: after its second up"]
        lines += _listed(proof.differences_again)
    if proof.data.losses or proof.data.reason:
        lines += ["", *_data_lines(proof, label, style)]
    if proof.error is not None:
        what = "its down fails" if proof.down is DownVerdict.FAILS else "its second up fails"
        lines += ["", f"{style.bold(label)}: {what}", *_indented(proof.error, style)]
    return lines


def _left_on_purpose(proof: Proof) -> list[str]:
    """Return how to say that an extension is meant to stay, as is often so."""
    return [
        f'where it is to stay, declare it: -- banister: keep="{each.identity}"'
        for each in proof.differences
        if each.identity.kind is ObjectKind.EXTENSION and each.change is Change.UNEXPECTED
    ]


def _data_lines(proof: Proof, label: str, style: Style) -> list[str]:
    data = proof.data
    name = style.bold(f"rolling back {label}")
    if data.verdict is DataVerdict.FAILS:
        return [f"{name} fails where there are rows: {data.reason}"]
    if data.verdict is DataVerdict.UNDECIDED:
        return [f"{style.bold(label)}: data undecided, {data.reason}"]
    return [f"{name}", *(f"  {loss}" for loss in data.losses[:_SHOWN])]


def _chain_lines(chain: ChainProof, style: Style, told: Collection[str]) -> list[str]:
    if not chain.length:
        return [style.dim(f"no way down from {chain.stopped_at}: the whole way was not tried")]
    goal = f"down to {chain.stopped_at}" if chain.stopped_at else "all the way down"
    if chain.error is not None:
        way = "down" if chain.down is DownVerdict.FAILS else "up again"
        said = f"{goal} and up again: {style.bad(f'fails on the way {way}')}"
        if chain.error.message in told:
            return [f"{said}, as told above"]
        return [said, *_indented(chain.error, style)]
    verdict = _WORDS[chain.down] if chain.down is not DownVerdict.EXACT else "exact"
    mark = style.good if chain.good else style.bad
    lines = [f"{goal} and up again: {mark(verdict)}"]
    lines += _listed(chain.differences) if chain.down is DownVerdict.DIFFERS else []
    if chain.again is AgainVerdict.DIFFERS:
        lines += ["behind the way up again:", *_listed(chain.differences_again)]
    return lines


def _listed(differences: tuple[Difference, ...]) -> list[str]:
    lines = [f"  {difference}" for difference in differences[:_SHOWN]]
    if len(differences) > _SHOWN:
        lines.append(f"  … and {len(differences) - _SHOWN} more")
    return lines


def _indented(error: BanisterError, style: Style) -> list[str]:
    return [f"  {line}" for line in error_lines(error, style)]


def _summary(proven: Proven, style: Style) -> str:
    bad = sum(not proof.good for proof in proven.proofs)
    count = plural(len(proven.proofs), "migration")
    verdict = style.bad(f"{bad} to look at") if bad else style.good("every way down is proven")
    if not proven.proofs:
        verdict = "nothing to prove"
    others = f", {plural(proven.passed_over, 'other')} not tried" if proven.passed_over else ""
    took = f"in {duration(proven.duration_ms)}"
    return f"{count}{others} on {proven.server} {took}: {verdict}"


def proven_json(proven: Proven) -> dict[str, Any]:
    """Return what was found out, for the envelope."""
    return {
        "migrations": [_proof_json(proof) for proof in proven.proofs],
        "chain": None if proven.chain is None else _chain_json(proven.chain),
        "unfilled": [{"table": e.table, "reason": e.reason} for e in proven.unfilled],
        "passed_over": proven.passed_over,
        "server": proven.server,
        "duration_ms": proven.duration_ms,
    }


def _proof_json(proof: Proof) -> dict[str, Any]:
    return {
        "version": proof.version.text,
        "name": proof.name,
        "up": "ok",
        "down": proof.down.value,
        "again": proof.again.value,
        "data": proof.data.verdict.value,
        "losses": [
            {"table": loss.table, "column": loss.column, "rows": loss.rows, "change": loss.change}
            for loss in proof.data.losses
        ],
        "data_reason": proof.data.reason,
        "differences": [str(difference) for difference in proof.differences],
        "differences_again": [str(difference) for difference in proof.differences_again],
        "kept": list(proof.kept),
        "together": [version.text for version in proof.together],
        "cached": proof.cached,
        "error": None if proof.error is None else proof.error.message,
    }


def _chain_json(chain: ChainProof) -> dict[str, Any]:
    return {
        "down": chain.down.value,
        "again": chain.again.value,
        "length": chain.length,
        "stopped_at": None if chain.stopped_at is None else chain.stopped_at.text,
        "differences": [str(difference) for difference in chain.differences],
        "differences_again": [str(difference) for difference in chain.differences_again],
        "error": None if chain.error is None else chain.error.message,
    }
