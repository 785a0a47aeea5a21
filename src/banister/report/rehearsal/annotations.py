"""A rehearsal → GitHub's workflow commands, which stand beside the lines of a change. No I/O.

https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions
"""

from banister.errors import Severity
from banister.rehearsal import Rehearsal
from banister.report.rehearsal.words import (
    Problem,
    all_problems,
    safer_text,
    visible,
    visible_lines,
)

__all__ = ["annotation_lines"]

#: GitHub cuts longer messages.
_LONGEST = 4_000
#: A longer proposal hides the finding itself; it is in the report.
_LONGEST_SAFER = 800


def annotation_lines(rehearsal: Rehearsal) -> list[str]:
    """Return a command for each finding that is not accepted, the worst first.

    GitHub shows ten of each kind for a step, so those come first that matter most.
    """
    found = [each for each in all_problems(rehearsal) if each.accepted is None]
    ranks = list(Severity)
    return [_command(each) for each in sorted(found, key=lambda each: ranks.index(each.severity))]


def _command(problem: Problem) -> str:
    place = problem.location
    properties = {
        "file": None if place is None else place.path,
        "line": None if place is None else place.line,
        "col": None if place is None else place.column,
        "title": f"banister: {problem.rule}",
    }
    told = ",".join(
        f"{name}={_property(visible(str(value)))}"
        for name, value in properties.items()
        if value is not None
    )
    return f"::{problem.severity.value} {told}::{_data(_message(problem))}"


def _message(problem: Problem) -> str:
    parts = [visible(problem.message)]
    safer = visible_lines(safer_text(problem.safer))
    if len(safer) > _LONGEST_SAFER:
        count = len(safer.split("\n"))
        parts.append(f"safer: {count} lines of SQL, which `banister plan` prints")
    elif safer:
        parts.append(f"safer:\n{safer}")
    if problem.advice:
        parts.append(visible(problem.advice))
    text = "\n\n".join(parts)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
