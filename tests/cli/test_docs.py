"""`banister docs`: the table printed, written between its markers, and held to by --check."""

import os
from pathlib import Path

import pytest
from projects import json_of, migrations, two_migrations

from conftest import RunBanister

URL = ("--url", "sqlite:///app.db")
BEGIN, END = "<!-- banister:rollback:begin -->", "<!-- banister:rollback:end -->"
TABLE = (
    "| Migration | What rolling back does |\n"
    "|---|---|\n"
    "| `001_users` | Drops users |\n"
    "| `002_orders` | Drops orders |\n"
)
PAGE = f"# Title\n\n{BEGIN}\n{END}\n\nbehind\n"
WRITTEN = f"# Title\n\n{BEGIN}\n\n{TABLE}\n{END}\n\nbehind\n"


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """A page with its markers, beside two migrations."""
    two_migrations(tmp_path)
    path = tmp_path / "page.md"
    path.write_text(PAGE)
    return path


def test_without_a_file_the_table_alone_is_printed(run_banister: RunBanister, page: Path) -> None:
    done = run_banister("docs", *URL)
    assert (done.returncode, done.stdout, done.stderr) == (0, TABLE, "")
    assert page.read_text() == PAGE
    assert not (page.parent / "app.db").exists()


def test_the_table_is_written_between_the_markers_once(
    run_banister: RunBanister, page: Path
) -> None:
    page.chmod(0o640)
    done = run_banister("docs", "page.md", *URL)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "the table is written to page.md\n"
    assert page.read_text() == WRITTEN
    assert page.stat().st_mode & 0o777 == 0o640
    os.utime(page, ns=(1, 1))
    done = run_banister("docs", "page.md", "./page.md", *URL)
    assert (done.returncode, done.stdout) == (0, "page.md is up to date\n")
    assert page.stat().st_mtime_ns == 1
    assert sorted(path.name for path in page.parent.iterdir()) == ["migrations", "page.md"]


def test_a_link_goes_on_leading_to_the_file(run_banister: RunBanister, page: Path) -> None:
    (page.parent / "link.md").symlink_to("page.md")
    assert run_banister("docs", "link.md", *URL).returncode == 0
    assert (page.parent / "link.md").is_symlink()
    assert page.read_text() == WRITTEN


def test_check_turns_red_when_a_down_changes_and_writes_nothing(
    run_banister: RunBanister, page: Path
) -> None:
    assert run_banister("docs", "--check", "page.md", *URL).returncode == 3
    run_banister("docs", "page.md", *URL)
    done = run_banister("docs", "--check", "page.md", *URL)
    assert (done.returncode, done.stdout) == (0, "page.md is up to date\n")
    migrations(page.parent, m002_orders__down="DROP INDEX by_id;\n")
    done = run_banister("docs", "--check", "page.md", *URL)
    assert (done.returncode, done.stderr) == (3, "")
    assert done.stdout == (
        "page.md is not up to date\n"
        "  page.md:8: - | `002_orders` | Drops orders |\n"
        "  page.md:8: + | `002_orders` | Drops index by_id |\n"
        "\n"
        "`banister docs page.md` writes what the migrations do now\n"
    )
    assert page.read_text() == WRITTEN


def test_programs_get_rows_and_what_changed(run_banister: RunBanister, page: Path) -> None:
    told = json_of(run_banister("docs", "page.md", "--format", "json", *URL))
    assert told["migrations"][1] == {
        "version": "002", "name": "orders", "way": "down", "does": ["drops orders"],
        "text": "Drops orders",
    }  # fmt: skip
    assert told["markdown"] == TABLE.removesuffix("\n")
    (file,) = told["files"]
    assert (file["path"], file["state"]) == ("page.md", "written")
    assert file["lines"][0] == {
        "line": 4, "before": None, "after": "| Migration | What rolling back does |",
    }  # fmt: skip
    migrations(page.parent, m002_orders__down="DROP INDEX by_id;\n")
    told = json_of(run_banister("docs", "--check", "page.md", "--format", "json", *URL))
    assert (told["exit"], told["files"][0]["state"]) == (3, "not up to date")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("none.md",), "none.md cannot be read: No such file or directory"),
        (("bare.md",), f"put these two lines where it is to stand:\n       {BEGIN}\n       {END}"),
        (("half.md",), f"there is no {END}"),
        (("bytes.md",), "bytes.md is not UTF-8"),
        (("--check",), "--check needs the file to look at"),
    ],
)
def test_wrong_use_ends_with_2_before_anything_is_tried(
    run_banister: RunBanister, page: Path, arguments: tuple[str, ...], said: str
) -> None:
    (page.parent / "bare.md").write_text("# Title\n")
    (page.parent / "half.md").write_text(f"# Title\n{BEGIN}\n")
    (page.parent / "bytes.md").write_bytes(f"{BEGIN}\n\xff{END}\n".encode("latin-1"))
    # It would be told if it were run.
    migrations(page.parent, m002_orders__up="CREATE TABEL x;\n")
    done = run_banister("docs", "page.md", *arguments, *URL)
    if arguments == ("--check",):
        done = run_banister("docs", *arguments, *URL)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert page.read_text() == PAGE


def test_a_down_that_fails_leaves_the_file_as_it_is(run_banister: RunBanister, page: Path) -> None:
    migrations(page.parent, m001_users__down="DROP TABLE nobody;\n")
    done = run_banister("docs", "page.md", *URL)
    assert (done.returncode, done.stdout) == (1, "")
    assert "no such table: nobody" in done.stderr
    assert "--> migrations/001_users.down.sql:1:12 (down, statement 1 of 1)" in done.stderr
    assert page.read_text() == PAGE
    assert sorted(path.name for path in page.parent.iterdir()) == ["migrations", "page.md"]


def test_names_are_shown_as_they_are(run_banister: RunBanister, tmp_path: Path) -> None:
    migrations(
        tmp_path,
        **{
            "m001_a|b__up": 'CREATE TABLE "_x_|*y*" (id integer);\n',
            "m001_a|b__down": 'DROP TABLE "_x_|*y*";\n',
        },
    )
    done = run_banister("docs", *URL)
    assert done.stdout.splitlines()[2] == r'| `001_a\|b` | Drops "\_x\_\|\*y\*" |'
