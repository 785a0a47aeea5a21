"""The part of a file between the markers: found, compared, replaced, and nothing else touched."""

import pytest

from banister.errors import UsageError
from banister.report.marked import BEGIN, END, marked_text

TABLE = ["| a | b |", "|---|---|", "| 1 | x |", "| 2 | y |"]


def page(*lines: str, line_end: str = "\n") -> str:
    return line_end.join(["# Title", "", BEGIN, *lines, END, "", "behind", ""])


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_lines_are_written_between_the_markers_with_the_line_ends_of_the_file(
    line_end: str,
) -> None:
    text = page("old", line_end=line_end)
    written = marked_text(text, "x.md").with_lines(TABLE)
    assert written == page("", *TABLE, "", line_end=line_end)
    again = marked_text(written, "x.md")
    assert again.changes(TABLE) == ()
    assert again.with_lines(TABLE) == written


def test_nothing_outside_of_the_markers_is_touched() -> None:
    head, tail = f"\ufeff{BEGIN}  \r\n", f" {END}\n\n\x0c mixed\r ends"
    assert marked_text(head + tail, "x.md").with_lines(["new"]) == f"{head}\r\nnew\r\n\r\n{tail}"


def test_what_differs_is_told_line_by_line() -> None:
    marked = marked_text(page("", *TABLE[:3], "| 3 | z |", ""), "x.md")
    (change,) = marked.changes(TABLE)
    assert (change.number, change.before, change.after) == (8, "| 3 | z |", "| 2 | y |")
    (change,) = marked_text(page(*TABLE[:2], TABLE[3]), "x.md").changes(TABLE)
    assert (change.number, change.before, change.after) == (6, None, "| 1 | x |")
    (change,) = marked_text(page(*TABLE, "| 3 | z |"), "x.md").changes(TABLE)
    assert (change.number, change.before, change.after) == (8, "| 3 | z |", None)
    assert [change.number for change in marked_text(page(), "x.md").changes(TABLE)] == [4] * 4


def test_a_table_that_a_formatter_has_aligned_is_up_to_date() -> None:
    aligned = ["| a   | b   |", "| --- | --- |", "|  1  | x   |", "| 2   | y   |"]
    marked = marked_text(page("", *aligned, ""), "x.md")
    assert marked.changes(TABLE) == ()
    assert marked.changes([*TABLE[:3], r"| 2 | y \| z |"]) != ()


def test_markers_in_a_fenced_block_are_an_example() -> None:
    example = f"```markdown\n{BEGIN}\n{END}\n~~~\n```\n"
    with pytest.raises(UsageError, match="no place"):
        marked_text(example, "x.md")
    marked = marked_text(f"{example}{page('old')}", "x.md")
    assert marked.lines == ("old",)
    assert marked.with_lines(["new"]).startswith(example)


def test_without_markers_the_lines_to_paste_are_shown() -> None:
    with pytest.raises(UsageError, match=r"x\.md has no place for the table") as caught:
        marked_text("# Title\n", "x.md")
    assert str(caught.value.hint).splitlines()[1:] == [BEGIN, END]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (f"a\n{BEGIN}\n", 2, f"there is no {END}"),
        (f"a\n\n{END}\n", 3, f"there is no {BEGIN}"),
        (f"{BEGIN}\n{END}\n{BEGIN}\n", 3, f"{BEGIN} stands there twice"),
        (f"{BEGIN}\n{END}\n{END}\n", 3, f"{END} stands there twice"),
        (f"{END}\n{BEGIN}\n", 1, f"{END} stands above {BEGIN}"),
        (f"{BEGIN} x\n{END}\n", 2, f"there is no {BEGIN}"),
    ],
)
def test_wrong_markers_are_told_with_their_place(text: str, line: int, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        marked_text(text, "x.md")
    assert said in caught.value.message
    assert caught.value.location is not None
    assert caught.value.location.line == line
