"""Each rule about dangerous statements has its page, and the page tells what really happens."""

import re
import subprocess
import sys
from pathlib import Path

from banister.rehearsal.rules import HAZARDS
from servers import MAJORS, Servers

_ROOT = Path(__file__).resolve().parents[2]
_DOCS = _ROOT / "docs"
#: Of each kind one: making all pages again takes longer than a test may.
_TRIED = ("set-not-null", "create-index-blocking", "unbatched-update", "drop-column", "lock-table")


def test_each_rule_has_a_page_and_a_row_in_the_table() -> None:
    rules = {hazard.rule for hazard in HAZARDS}
    assert {page.stem for page in (_DOCS / "hazards").glob("*.md")} == rules
    index = (_DOCS / "hazards.md").read_text("utf-8")
    assert set(re.findall(r"\]\(hazards/([\w-]+)\.md\)", index)) == rules


def test_pages_are_what_a_run_makes_of_them(servers: Servers) -> None:
    servers.binaries(MAJORS[-1])
    done = subprocess.run(
        [sys.executable, _ROOT / "scripts" / "update_hazards.py", "--check", *_TRIED],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"run scripts/update_hazards.py\n{done.stdout}{done.stderr}"
