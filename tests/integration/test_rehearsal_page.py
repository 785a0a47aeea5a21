"""The page of a rehearsal in a real browser, on a phone and on a desk, in light and in dark."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from banister.rehearsal import Rehearsal, Verdict
from banister.report.rehearsal.page import page_html
from chromium_kit import Chromium, Page, chromium
from rehearsal_kit import (
    a_finding,
    a_lock,
    a_migration_rehearsal,
    a_rehearsal,
    five_hazards,
    hostile_rehearsal,
    safe_migrations,
)

PHONE, DESK = 375, 1440

# Fractions of what WCAG asks for text: 1 is 4.5:1. Text on a pattern has a ground of its own.
FAINT = """
(() => {
  const parts = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = (rgb) => rgb.slice(0, 3).map((v) => v / 255)
    .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (box) => {
    for (let one = box; one; one = one.parentElement) {
      const rgb = parts(getComputedStyle(one).backgroundColor);
      if (rgb.length === 3 || rgb[3] === 1) return rgb;
    }
    return parts(getComputedStyle(document.body).backgroundColor);
  };
  const found = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text = texts.nextNode(); text; text = texts.nextNode()) {
    const box = text.parentElement;
    if (!text.data.trim() || !box.checkVisibility() || box.closest("script, style")) continue;
    const [a, b] = [light(parts(getComputedStyle(box).color)), light(ground(box))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < 4.5) found.push(`${contrast.toFixed(2)} ${text.data.trim().slice(0, 40)}`);
  }
  return found;
})()
"""

FOCUS = """
(() => {
  const on = document.activeElement;
  const box = on.getBoundingClientRect();
  const seen = box.bottom > 0 && box.top < innerHeight && box.width > 0;
  const finding = on.closest(".finding");
  return {body: on === document.body, seen, finding: finding && finding.id,
          copies: on.matches("button.copy"), ring: getComputedStyle(on).outlineStyle};
})()
"""


HEAR = """
globalThis.heard = new Promise((done) => {
  const said = document.getElementById("said");
  new MutationObserver(() => done(said.textContent)).observe(said, {childList: true});
}), 0
"""


WATCH = """
(() => {
  const write = navigator.clipboard.writeText.bind(navigator.clipboard);
  navigator.clipboard.writeText = (text) => { globalThis.copied = text; return write(text); };
})()
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    with chromium() as found:
        yield found


def everything() -> Rehearsal:
    """A rehearsal with something of each kind."""
    long_name = "a_table_with_a_name_as_long_as_postgresql_takes_it_without_a_word_x"
    brief = a_migration_rehearsal(
        "004_note",
        f"ALTER TABLE {long_name} ADD COLUMN note text;\nCOMMENT ON TABLE users IS '{'x' * 300}';",
        verdict=Verdict.BRIEF_LOCK,
        locks={1: [a_lock(long_name, through=2)]},
        findings={2: [a_finding(accepted="nobody uses it")]},
    )
    across = (a_finding("lock-order", "locks one table and then the other"),)
    return a_rehearsal(
        *safe_migrations(2),
        five_hazards(),
        brief,
        across=across,
        not_certified="not certified on 16: tried on PostgreSQL 18.1",
        lost_probes=("event triggers: permission denied",),
    )


def written(tmp_path: Path, rehearsal: Rehearsal) -> Path:
    path = tmp_path / "page.html"
    path.write_text(page_html(rehearsal), "utf-8")
    return path


@pytest.mark.parametrize("rehearsal", [everything(), hostile_rehearsal()], ids=["all", "hostile"])
@pytest.mark.parametrize("width", [PHONE, DESK])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_page_fits_and_the_browser_has_nothing_against_it(
    browser: Chromium, tmp_path: Path, rehearsal: Rehearsal, width: int, dark: bool
) -> None:
    with browser.page(written(tmp_path, rehearsal), width=width, dark=dark) as page:
        page.evaluate("document.querySelectorAll('details').forEach((one) => one.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate("innerWidth") == width
        assert page.evaluate(FAINT) == []
        shade = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g)[0]")
        assert (int(shade) < 128) is dark
        page.screenshot(tmp_path / "page.png")
        assert (tmp_path / "page.png").read_bytes().startswith(b"\x89PNG")
        assert page.complaints() == []
        assert page.requests() == []


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_every_finding_and_every_copy_button_is_reached_with_tab(
    browser: Chromium, tmp_path: Path, width: int
) -> None:
    with browser.page(written(tmp_path, everything()), width=width) as page:
        findings = page.evaluate("[...document.querySelectorAll('.finding')].map((one) => one.id)")
        copies = page.evaluate("document.querySelectorAll('button.copy').length")
        reached, buttons = set(), 0
        for _ in range(200):
            page.press("Tab")
            on = page.evaluate(FOCUS)
            if on["body"]:
                break
            assert on["seen"]
            assert on["ring"] != "none"
            buttons += on["copies"]
            reached |= {on["finding"]} - {None}
        assert len(findings) == 7
        assert reached == set(findings)
        assert buttons == copies > 0


def focus_on(page: Page, selector: str) -> None:
    page.evaluate(f"document.querySelector({selector!r}).focus()")


def test_the_sql_to_write_instead_is_copied_with_a_key(browser: Chromium, tmp_path: Path) -> None:
    with browser.page(written(tmp_path, everything()), width=DESK) as page:
        page.evaluate(HEAR)
        focus_on(page, "button.copy")
        page.press("Enter")
        assert page.evaluate("globalThis.heard") == "Copied"
        assert page.complaints() == []


def test_long_sql_is_folded_and_copied_as_a_whole(browser: Chromium, tmp_path: Path) -> None:
    long = "SELECT 1;\n" * 30 + "SELECT 2;"
    migration = a_migration_rehearsal("1_x", "SELECT 3;", findings={1: [a_finding(safer=(long,))]})
    with browser.page(written(tmp_path, a_rehearsal(migration)), width=DESK) as page:
        folded = "document.querySelector('.sql-box pre')"
        assert page.evaluate(f"{folded}.checkVisibility()") is False
        page.evaluate(HEAR)
        page.evaluate(WATCH)
        focus_on(page, "button.copy")
        page.press("Enter")
        assert page.evaluate("globalThis.heard") == "Copied"
        assert page.evaluate("globalThis.copied") == long


def test_findings_are_hidden_and_shown_by_their_severity(browser: Chromium, tmp_path: Path) -> None:
    shown = "[...document.querySelectorAll('.finding')].filter((one) => one.checkVisibility())"
    with browser.page(written(tmp_path, everything()), width=PHONE) as page:
        assert page.evaluate(f"{shown}.length") == 7
        focus_on(page, "#show-error")
        page.press(" ")
        assert page.evaluate(f"{shown}.map((one) => one.classList[1])") == [
            "notice", "warning", "warning", "accepted", "warning",
        ]  # fmt: skip
        assert page.evaluate("document.getElementById('said').textContent") == (
            "5 of 7 findings shown"
        )


def test_a_page_can_be_read_without_scripts(browser: Chromium, tmp_path: Path) -> None:
    file = written(tmp_path, everything())
    with browser.page(file, width=PHONE, scripts=False) as page:
        told = page.call("DOM.getDocument", depth=-1, pierce=False)
        node = page.call("DOM.querySelector", nodeId=told["root"]["nodeId"], selector=".finding")
        box = page.call("DOM.getBoxModel", nodeId=node["nodeId"])
        assert box["model"]["height"] > 100


def test_print_shows_what_is_folded_and_leaves_the_controls_out(
    browser: Chromium, tmp_path: Path
) -> None:
    with browser.page(written(tmp_path, everything()), width=DESK) as page:
        page.evaluate(
            "addEventListener('beforeprint', () => { globalThis.folded = "
            "document.querySelectorAll('details:not([open])').length; })"
        )
        page.media("print", dark=True)
        assert page.evaluate(FAINT) == []
        seen = "document.querySelector('{}').checkVisibility()"
        assert page.evaluate(seen.format(".filters")) is False
        assert page.evaluate(seen.format("button.copy")) is False
        assert page.call("Page.printToPDF")["data"].startswith("JVBER")
        assert page.evaluate("globalThis.folded") == 0


def test_a_link_to_a_statement_that_is_folded_opens_it(browser: Chromium, tmp_path: Path) -> None:
    quiet = replace(everything(), across=())
    with browser.page(written(tmp_path, quiet), width=DESK) as page:
        page.evaluate("document.querySelector('.timeline a[href=\"#m3s5\"]').click()")
        assert page.evaluate(
            "new Promise((done) => requestAnimationFrame(() => setTimeout(() => "
            "done(document.getElementById('m3s5').checkVisibility()))))"
        )
