"""`banister snapshot`: the text, the file, the comparison, and how each ends."""

from pathlib import Path

import pytest
from projects import json_of, plain, two_migrations

from conftest import RunBanister

URL = ("--url", "sqlite:///app.db")
HEAD = "database  sqlite:///app.db, from --url\nfolder    migrations\n\n"
TEXT = (
    "# banister snapshot 1, SQLite N\n"
    "\n"
    "table users\n"
    "    column order: id\n"
    "\n"
    "    column id\n"
    "        type: INTEGER\n"
    "\n"
    "    constraint PRIMARY KEY (id)"
)


@pytest.fixture
def project(tmp_path: Path, run_banister: RunBanister) -> Path:
    """Two migrations, of which the first is applied."""
    two_migrations(tmp_path)
    assert run_banister("up", "--to", "001", *URL).returncode == 0
    return tmp_path


def test_the_schema_alone_is_printed(run_banister: RunBanister, project: Path) -> None:
    done = run_banister("snapshot", *URL)
    assert (done.returncode, done.stderr) == (0, "")
    assert plain(done.stdout) == TEXT


def test_the_file_has_the_text_that_is_printed(run_banister: RunBanister, project: Path) -> None:
    done = run_banister("snapshot", "--output", "schema.txt", *URL)
    assert (done.returncode, done.stderr) == (0, "")
    assert plain(done.stdout) == f"{HEAD}the schema is written to schema.txt"
    assert (project / "schema.txt").read_text() == run_banister("snapshot", *URL).stdout
    assert [path.name for path in project.iterdir() if path.name.startswith(".schema")] == []


def test_check_says_what_differs_and_ends_with_3(run_banister: RunBanister, project: Path) -> None:
    run_banister("snapshot", "--output", "schema.txt", *URL)
    done = run_banister("snapshot", "--check", "schema.txt", *URL)
    assert (done.returncode, plain(done.stdout)) == (0, f"{HEAD}no differences")
    run_banister("up", *URL)
    before = (project / "schema.txt").read_bytes()
    done = run_banister("snapshot", "--check", "schema.txt", *URL)
    assert (done.returncode, done.stderr) == (3, "")
    assert plain(done.stdout) == f"{HEAD}  table orders: not expected\n\n1 difference"
    assert (project / "schema.txt").read_bytes() == before


def test_programs_get_objects_and_differences(run_banister: RunBanister, project: Path) -> None:
    told = json_of(run_banister("snapshot", "--output", "s.txt", "--format", "json", *URL))
    table, column, key = told["snapshot"]["objects"]
    assert table == {
        "kind": "table", "name": "users", "of": None, "properties": {}, "column_order": ["id"],
    }  # fmt: skip
    assert (column["kind"], column["of"], column["properties"]) == (
        "column", "users", {"type": "INTEGER"},
    )  # fmt: skip
    assert key["name"] == "PRIMARY KEY (id)"
    assert len(told["snapshot"]["fingerprint"]) == 64
    run_banister("up", *URL)
    told = json_of(run_banister("snapshot", "--check", "s.txt", "--format", "json", *URL))
    assert told["exit"] == 3
    assert told["differences"] == [
        {
            "kind": "table", "name": "orders", "of": None, "change": "not expected",
            "property": None, "before": None, "after": None, "weight": "real",
            "message": "table orders: not expected",
        }
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--check", "none.txt"), "none.txt cannot be read: No such file or directory"),
        (("--check", "bad.txt"), "bad.txt is not a snapshot that this version of banister can"),
        (("--check", "bytes.txt"), "bytes.txt is not a snapshot: it is not UTF-8"),
        (("--output", "no/such/folder.txt"), "no/such/folder.txt cannot be written: No such file"),
        (("--output", "a", "--check", "b"), "--output and --check exclude each other"),
    ],
)
def test_wrong_use_ends_with_2(
    run_banister: RunBanister, project: Path, arguments: tuple[str, ...], said: str
) -> None:
    (project / "bad.txt").write_text("CREATE TABLE t ();\n")
    (project / "bytes.txt").write_bytes(b"# banister snapshot 1, \xff\n")
    done = run_banister("snapshot", *arguments, *URL)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_that_is_there_keeps_its_mode(run_banister: RunBanister, project: Path) -> None:
    file = project / "schema.txt"
    file.write_text("old")
    file.chmod(0o640)
    assert run_banister("snapshot", "--output", "schema.txt", *URL).returncode == 0
    assert file.stat().st_mode & 0o777 == 0o640
    assert file.read_text().startswith("# banister snapshot 1, SQLite")
