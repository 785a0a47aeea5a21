"""A rehearsal as a comment: everything in it, bounded, and nothing that reaches out of it."""

import re

import pytest
from markdown_it import MarkdownIt

from banister.rehearsal import Rehearsal
from banister.report.rehearsal.escapes import code, fenced, plain
from banister.report.rehearsal.markdown import markdown_text
from rehearsal_kit import (
    HOSTILE,
    a_finding,
    a_lock,
    a_migration_rehearsal,
    a_rehearsal,
    five_hazards,
    hostile_rehearsal,
    safe_migrations,
)


def rendered(text: str) -> str:
    """As a page of GitHub has it, with tables and with HTML left as it is."""
    told = MarkdownIt("commonmark", {"html": True}).enable("table").render(text)
    return str(told)


def test_a_comment_has_a_line_for_each_migration_and_folds_what_is_behind() -> None:
    text = markdown_text(a_rehearsal(*safe_migrations(2), five_hazards()))
    assert text.startswith("<!-- banister:plan -->\n### 🟣 Banister: loses data\n")
    assert "| <code>001_table_1</code> | 🟢 safe online |  |" in text
    assert text.count("<details>") == text.count("</details>") == 1
    assert "(48 M rows, 31 GB): **reads and writes, through line 10** |" in text
    assert "**error**, line 3, <code>set-not-null</code>: reads all of portfolios" in text
    assert "Safer, as 2 migrations:\n\n```sql\nALTER TABLE portfolios\n" in text


def test_hostile_text_stays_text() -> None:
    html = rendered(markdown_text(hostile_rehearsal()))
    assert set(re.findall(r"<(\w+)", html)) <= {
        "h3", "p", "table", "thead", "tbody", "tr", "th", "td", "code", "pre", "details", "summary",
        "ul", "li", "strong", "br", "b",
    }  # fmt: skip
    assert html.count("<details>") == html.count("</details>") == 1
    shown = re.sub(r"<(code|pre)\b.*?</\1>", "", html, flags=re.DOTALL)
    assert not re.search(r"@\w", shown), "somebody is told of it"
    # The table has its three columns whatever stands in it.
    rows = re.findall(r"<tr>(.*?)</tr>", html, flags=re.DOTALL)
    assert {len(re.findall(r"<t[hd]", row)) for row in rows} == {3}


@pytest.mark.parametrize(
    "text",
    [
        "a|b", "**a**", "_a_", "a_b", "[a](http://b)", "![a](b)", "<b>", "&lt;", "`a`", "\\`",
        "$a$", "~~a~~", ":smile:", "a * b", "# a", HOSTILE,
    ],
)  # fmt: skip
def test_a_text_is_shown_as_it_is(text: str) -> None:
    for told in (plain(text), code(text)):
        html = rendered(f"x {told} y\n\n| a |\n|---|\n| {told} |\n")
        words = re.sub(r"</?(?:p|table|thead|tbody|tr|th|td|code)>", "", html)
        assert "<" not in words, html
        found = words.replace("\u200b", "")
        for one, other in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&amp;", "&")):
            found = found.replace(one, other)
        seen = text.replace("\x1b", "\ufffd").replace("\u202e", "\ufffd")
        assert found.count(seen) == 2, html


@pytest.mark.parametrize("text", ["@octocat", "see #12", "GH-12", "https://a.b", "www.a.b"])
def test_nobody_and_no_page_is_pointed_at(text: str) -> None:
    assert "\u200b" in plain(text)


def test_a_block_is_ended_by_nothing_in_it() -> None:
    assert fenced("a\n```\nb")[0] == "````sql"
    assert fenced("x" * 50, longest=10) == [
        "```sql",
        "x" * 10,
        "```",
        "",
        "(the first 10 of 50 characters)",
    ]


def test_it_is_never_too_long_for_a_comment() -> None:
    findings = [a_finding(message="m" * 5_000, safer=("x" * 5_000,), advice="a" * 5_000)] * 3
    many = [
        a_migration_rehearsal(
            f"{number:03}_{'long' * 30}",
            "SELECT 1;",
            locks={1: [a_lock("t" * 300)] * 30},
            findings={1: findings},
        )
        for number in range(1, 150)
    ]
    text = markdown_text(
        a_rehearsal(*many, across=tuple(findings * 9), lost_probes=("x" * 9_000,) * 30)
    )
    assert len(text) < 60_000
    assert "did not fit in here" in text
    assert "and 49 others" in text
    assert text.count("<details>") == text.count("</details>") > 0


def test_one_finding_too_long_is_told_without_its_sql() -> None:
    findings = [a_finding(safer=("x" * 4_000,))] * 30
    migration = a_migration_rehearsal("1_x", "SELECT 1;", findings={1: findings})
    text = markdown_text(a_rehearsal(migration))
    assert "reads all of portfolios" in text
    assert "and 22 more" in text
    assert "```" not in text


def test_accepted_ones_and_limits_are_told() -> None:
    accepted = a_finding(accepted="it is empty", safer=("SELECT 1;",))
    migration = a_migration_rehearsal("1_x", "SELECT 2;", findings={1: [accepted]})
    text = markdown_text(a_rehearsal(migration, not_certified="not certified on 14"))
    assert "accepted, line 1, <code>set-not-null</code>" in text
    assert "it is empty" in text
    assert "SELECT 1;" not in text
    assert "<b>not certified on 14</b>" in text


def test_nothing_is_nothing() -> None:
    assert "nothing to rehearse" in markdown_text(Rehearsal())
