"""Whatever a file and a statement hold: only the place between the markers is written, and reading
names never fails.
"""

from hypothesis import given, settings
from hypothesis import strategies as st

from banister.model import Dialect, Statement
from banister.report.marked import BEGIN, END, marked_text
from banister.script.mentions import mentions

LINES = st.lists(st.text(st.characters(exclude_characters="\r\n", codec="utf-8")), max_size=4)
PROSE = st.text("#a` \r\n\x0c\u2028|é", max_size=20)


@settings(deadline=None)
@given(head=PROSE, old=LINES, lines=LINES, tail=PROSE, line_end=st.sampled_from(["\n", "\r\n"]))
def test_what_is_outside_of_the_markers_stays(
    head: str, old: list[str], lines: list[str], tail: str, line_end: str
) -> None:
    # No fence is open in front of the markers.
    before = f"{head.replace('`', '')}{line_end}{BEGIN}{line_end}"
    behind = f"{END}{line_end}{tail}"
    text = before + "".join(line + line_end for line in old) + behind
    written = marked_text(text, "x.md").with_lines(lines)
    assert written.startswith(before)
    assert written.endswith(behind)
    again = marked_text(written, "x.md")
    assert list(again.lines) == ["", *lines, ""]
    assert again.changes(lines) == ()
    assert again.with_lines(lines) == written


# fmt: off
PIECES = [
    "DROP", "TABLE", "COLUMN", "a", '"b c"', ".", ",", "(", ")", ";", "ALTER", "RENAME", "TO", "ON",
    "SET", "SCHEMA", "DELETE", "FROM", "UPDATE", "INSERT", "INTO", "TRUNCATE", "COPY", "DO", "$$",
    "$x$", "MERGE", "OR", "ONLY", "*", "'", "[", "`", "--", '"',
]
# fmt: on
WORDS = st.lists(st.sampled_from(PIECES), max_size=12)


@settings(deadline=None)
@given(words=WORDS, dialect=st.sampled_from(Dialect))
def test_names_are_read_from_any_text(words: list[str], dialect: Dialect) -> None:
    text = " ".join(words)
    statement = Statement(text=text, start=0, line=1, column=1)
    for found in mentions(statement, dialect):
        assert all(work.table for work in found.writes)
        assert all(items for drop in found.drops for items in drop)
