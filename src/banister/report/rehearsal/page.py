"""A rehearsal → one HTML page that needs nothing else: no network, no other file.

No I/O but for its templates, which are part of this package.
"""

import re
from base64 import b64encode
from hashlib import sha256
from html import escape
from importlib.resources import files

from banister.rehearsal import Rehearsal, Verdict
from banister.report.rehearsal.page_parts import Parts, verdict_html
from banister.report.rehearsal.words import (
    all_problems,
    counts_words,
    limits,
    problem_of,
    problems_of_all,
    visible,
)
from banister.report.style import duration, plural

__all__ = ["page_html"]

_HOLE = re.compile(r"\{\{(\w+)\}\}")


def page_html(rehearsal: Rehearsal) -> str:
    """Return the page: who waits for which table when, the SQL, findings and what to write instead.

    It is readable without JavaScript, and its own policy forbids it to load anything. All text of
    the rehearsal is escaped.
    """
    style, script = _template("page.css"), _template("page.js")
    parts = {
        "style": style,
        "script": script,
        "style_hash": _hash(style),
        "script_hash": _hash(script),
        "title": escape(_title(rehearsal)),
        "header": _header(rehearsal),
        "main": _main(rehearsal),
    }
    return _HOLE.sub(lambda hole: parts[hole[1]], _template("page.html"))


def _template(name: str) -> str:
    return files(__package__ or "").joinpath(name).read_text("utf-8")


def _hash(text: str) -> str:
    return b64encode(sha256(text.encode()).digest()).decode()


def _title(rehearsal: Rehearsal) -> str:
    count = plural(len(rehearsal.migrations), "migration")
    return f"Rehearsal: {rehearsal.verdict.value}, {count}"


def _header(rehearsal: Rehearsal) -> str:
    if not rehearsal.migrations:
        return "<h1>Nothing to rehearse</h1>"
    worst = rehearsal.verdict
    count = plural(len(rehearsal.migrations), "migration")
    on = f" on {escape(visible(rehearsal.server))}" if rehearsal.server else ""
    copied = f" The copy is {escape(visible(rehearsal.copied))}." if rehearsal.copied else ""
    found = counts_words(all_problems(rehearsal))
    lead = f"Found: {found}." if found else "Nothing was found that others would notice."
    return "\n".join(
        [
            f'<p class="over">{count} rehearsed in {duration(rehearsal.duration_ms)}{on}</p>',
            f'<h1 class="verdict-title">{_verdict_title(worst)}</h1>',
            f'<p class="lead">{lead}{copied}</p>',
            _scale(worst),
            _limits(rehearsal),
        ]
    )


def _verdict_title(verdict: Verdict) -> str:
    said = verdict.value[:1].upper() + verdict.value[1:]
    return (
        f'<svg class="icon" aria-hidden="true" focusable="false"><use href="#v-{verdict.rank}"/>'
        f"</svg><span>{said}</span>"
    )


def _scale(worst: Verdict) -> str:
    steps = []
    for verdict in Verdict:
        if verdict is Verdict.NOT_CERTIFIED and verdict is not worst:
            continue
        on = verdict is worst
        kind = "on" if on else "below" if verdict < worst else ""
        late = " late" if on and verdict.rank > 3 else ""
        current = ' aria-current="true"' if on else ""
        steps.append(f'<li class="{kind}{late}"{current}><span>{verdict.value}</span></li>')
    label = "From nothing to the worst; the worst migration is marked"
    return f'<ol class="scale t{worst.rank}" aria-label="{label}">{"".join(steps)}</ol>'


def _limits(rehearsal: Rehearsal) -> str:
    told = []
    for heading, items in limits(rehearsal):
        if not heading:
            told.append(f"<li><strong>{escape(items[0])}</strong></li>")
            continue
        inner = "".join(f"<li>{escape(item)}</li>" for item in items)
        name = escape(heading[:1].upper() + heading[1:])
        told.append(f"<li>{name}:<ul>{inner}</ul></li>")
    if not told:
        return ""
    label = "What this rehearsal could not see"
    return f'<div class="notes" role="note" aria-label="{label}"><ul>{"".join(told)}</ul></div>'


def _main(rehearsal: Rehearsal) -> str:
    parts = Parts(rehearsal)
    return "\n".join(
        [
            _overview(rehearsal),
            _filters(rehearsal),
            '<p id="said" role="status" aria-live="polite"></p>',
            *(parts.migration(n, each) for n, each in enumerate(rehearsal.migrations, 1)),
            _across(rehearsal, parts),
        ]
    )


def _overview(rehearsal: Rehearsal) -> str:
    if not rehearsal.migrations:
        return ""
    rows = "".join(
        f'<li><a href="#m{number}">{escape(visible(each.step.label))}</a>'
        f"{verdict_html(each.verdict)}<small>{counts_words(problems_of_all(each))}</small></li>"
        for number, each in enumerate(rehearsal.migrations, 1)
    )
    return (
        '<nav class="overview" aria-labelledby="overview"><h2 id="overview">Migrations</h2>'
        f"<ol>{rows}</ol></nav>"
    )


def _filters(rehearsal: Rehearsal) -> str:
    problems = all_problems(rehearsal)
    counts: dict[str, int] = {"error": 0, "warning": 0, "notice": 0, "accepted": 0}
    for problem in problems:
        counts["accepted" if problem.accepted is not None else problem.severity.value] += 1
    boxes = "".join(
        f'<label><input type="checkbox" id="show-{kind}" checked autocomplete="off">'
        f"{kind if kind == 'accepted' else plural(count, kind).split(' ')[1]} ({count})</label>"
        for kind, count in counts.items()
        if count
    )
    if sum(map(bool, counts.values())) < 2:
        return ""
    return f'<fieldset class="filters"><legend>Show</legend>{boxes}</fieldset>'


def _across(rehearsal: Rehearsal, parts: Parts) -> str:
    if not rehearsal.across:
        return ""
    told = "".join(parts.finding(problem_of(each), 3) for each in rehearsal.across)
    return (
        '<section class="across" aria-labelledby="across"><h2 id="across">Across migrations</h2>'
        f'<div class="findings">{told}</div></section>'
    )
