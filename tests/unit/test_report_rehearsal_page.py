"""The page of a rehearsal as text: escaped, complete, bounded, and allowed to load nothing."""

import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from banister.model import LockMode, TransactionMode
from banister.rehearsal import Rehearsal, Verdict
from banister.report.rehearsal.page import page_html
from banister.report.rehearsal.sql_html import marked_sql, numbered_sql
from banister.report.rehearsal.timeline import timeline_of
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

_VOID = {"meta", "link", "br", "input", "path", "circle", "use"}


class _Reader(HTMLParser):
    """Checks that elements nest, and keeps what is needed to judge them."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.text += " " if tag == "td" else ""
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"style", "script"} & set(self.open):
            self.text += data


def read(rehearsal: Rehearsal) -> _Reader:
    reader = _Reader()
    reader.feed(page_html(rehearsal))
    reader.close()
    assert reader.open == []
    return reader


@pytest.mark.parametrize(
    "rehearsal",
    [
        a_rehearsal(*safe_migrations(3), five_hazards(), across=(a_finding("lock-order"),)),
        hostile_rehearsal(),
        Rehearsal(),
    ],
    ids=["five", "hostile", "empty"],
)
def test_a_page_is_well_formed_and_nothing_in_it_loads_anything(rehearsal: Rehearsal) -> None:
    page = read(rehearsal)
    names = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(names) == len(set(names))
    for tag, attrs in page.tags:
        assert not [name for name in attrs if name.startswith("on") or name == "style"]
        assert tag not in {"img", "iframe", "object", "embed", "form"}
        assert "src" not in attrs
        if tag == "link":
            assert (attrs["href"] or "").startswith("data:")
        for name in ("aria-labelledby", "aria-describedby"):
            assert set((attrs.get(name) or "").split()) <= set(names)
        if (attrs.get("href") or "").startswith("#"):
            assert (attrs["href"] or "")[1:] in names


def test_the_policy_names_the_style_and_the_script_and_nothing_else() -> None:
    html = page_html(a_rehearsal(five_hazards()))
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', html)
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    for tag in ("style", "script"):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", html, flags=re.DOTALL)
        digest = b64encode(sha256(text.encode()).digest()).decode()
        assert rules[f"{tag}-src"] == f"'sha256-{digest}'"


def test_hostile_text_is_shown_and_does_nothing() -> None:
    page = read(hostile_rehearsal())
    assert [tag for tag, _ in page.tags].count("script") == 1
    assert "</script><img src=x onerror=alert(1)>|`@octocat`" in page.text
    assert "\x1b" not in page.text
    assert "\u202e" not in page.text
    assert HOSTILE not in page_html(hostile_rehearsal())


def test_a_page_has_one_title_and_headings_without_gaps() -> None:
    page = read(a_rehearsal(*safe_migrations(1), five_hazards(), across=(a_finding(),)))
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    tags = [tag for tag, _ in page.tags]
    assert tags.count("main") == 1
    assert {"header", "nav", "footer"} <= set(tags)


def test_each_finding_has_its_sql_and_its_proposal_on_the_page() -> None:
    text = " ".join(read(a_rehearsal(five_hazards())).text.split())
    for expected in (
        "Loses data",
        "Found: 2 errors, 2 warnings, 1 notice",
        "portfolios 48 M rows, 31 GB reads and writes wait ACCESS EXCLUSIVE",
        "writes wait SHARE",
        "rewrites portfolios",
        "add-column-volatile-default",
        "UPDATE portfolios SET token = gen_random_uuid() WHERE token IS NULL;",
        "first deploy an application that does not use it",
        "1 statement nobody waits for, line 9",
    ):
        assert expected in text


def test_accepted_ones_are_told_with_their_reason_and_without_a_proposal() -> None:
    accepted = a_finding(accepted="it is empty", safer=("SELECT 'instead';",))
    migration = a_migration_rehearsal("1_x", "SELECT 2;", findings={1: [accepted]})
    text = read(a_rehearsal(migration)).text
    assert "Accepted: it is empty" in text
    assert "instead" not in text


def test_a_long_migration_makes_no_endless_page() -> None:
    many = a_migration_rehearsal(
        "1_x",
        "\n".join(f"SELECT {number};" for number in range(2_000)),
        findings={number: [a_finding()] for number in range(1_001, 2_000)},
    )
    assert len(page_html(a_rehearsal(many))) < 1_000_000
    text = read(a_rehearsal(many)).text
    assert "and 980 more statements" in text
    assert "and 700 more statements" in text


def test_passwords_are_hidden() -> None:
    migration = a_migration_rehearsal(
        "1_x", "CREATE ROLE a PASSWORD 'hunter22';", findings={1: [a_finding(message="hunter22")]}
    )
    assert "hunter22" not in page_html(a_rehearsal(migration))


def test_a_timeline_joins_statements_between_which_nothing_changes() -> None:
    migration = a_migration_rehearsal(
        "1_x",
        "\n".join(f"SELECT {number};" for number in range(1, 10)),
        locks={
            3: [a_lock("a", by=3, through=6), a_lock("b", LockMode.SHARE, by=3, through=9)],
            5: [a_lock("b", by=5, through=9)],
        },
    )
    timeline = timeline_of(migration)
    assert [each.words for each in timeline.stretches] == ["1 to 2", "3", "4", "5", "6", "7 to 9"]
    told = {
        row.relation: [(span.width, span.lock and span.lock.mode.words) for span in row.spans]
        for row in timeline.rows
    }
    assert told == {
        "a": [(1, None), (4, "ACCESS EXCLUSIVE"), (1, None)],
        "b": [(1, None), (2, "SHARE"), (3, "ACCESS EXCLUSIVE")],
    }


def test_a_timeline_is_bounded() -> None:
    count = 500
    locks = {n: [a_lock(f"t{n}", by=n, through=count)] for n in range(1, count + 1)}
    text = "\n".join(f"SELECT {number};" for number in range(count))
    timeline = timeline_of(a_migration_rehearsal("1_x", text, locks=locks))
    assert len(timeline.stretches) == 80
    assert timeline.stretches[-1].words == f"80 to {count}"
    assert (len(timeline.rows), timeline.left_out) == (40, count - 40)
    assert all(sum(span.width for span in row.spans) == 80 for row in timeline.rows)


def test_a_lock_of_a_statement_alone_ends_with_it() -> None:
    migration = a_migration_rehearsal(
        "1_x",
        "SELECT 1;\nSELECT 2;",
        mode=TransactionMode.STATEMENTS,
        verdict=Verdict.BRIEF_LOCK,
        locks={1: [a_lock("a")]},
    )
    (row,) = timeline_of(migration).rows
    assert [(span.width, span.lock is None) for span in row.spans] == [(1, False), (1, True)]


def test_sql_keeps_its_text_and_its_lines() -> None:
    sql = "SELECT 'a\n<b>', \"c&\" -- d\r\nFROM t;\n"
    told = marked_sql(sql)
    assert told.count("\n") == 3
    assert '<span class="s">&#x27;a</span>\n<span class="s">&lt;b&gt;&#x27;</span>' in told
    assert '<span class="c">-- d</span>\n<span class="k">FROM</span> t;' in told
    numbered = numbered_sql(sql, 7, {8})
    assert re.findall(r'data-n="(\d+)"', numbered) == ["7", "8", "9", "10"]
    assert '<span class="l told" data-n="8">' in numbered
