"""New files: the number, the name, and that nothing is overwritten."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from banister.errors import UsageError
from banister.model import Dialect
from banister.project import next_number, next_version, read_folder, sql_files, write_pair

NOW = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)


def after(tmp_path: Path, *names: str) -> str:
    for name in names:
        (tmp_path / name).write_text("select 1;\n")
    return next_number(sql_files(tmp_path, shown="m"))


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([], "001"),
        (["001_a.up.sql"], "002"),
        (["0009_a.up.sql", "0003_b.up.sql"], "0010"),
        (["9_a.up.sql"], "10"),
        (["999_a.up.sql"], "1000"),
        (["001_a.up.sql", "007_b.down.sql"], "008"),
        (["001_a.up.sql", "005_b_up.sql"], "006"),
        (["001_a.up.sql", "004_b.up.sqlite.sql"], "005"),
    ],
)
def test_the_next_number_comes_after_every_file(
    tmp_path: Path, names: list[str], expected: str
) -> None:
    assert after(tmp_path, *names) == expected


def test_a_file_that_cannot_be_read_has_its_number_taken(tmp_path: Path) -> None:
    (tmp_path / "007_a.up.sql").write_bytes(b"\xff")
    assert after(tmp_path) == "008"


@pytest.mark.parametrize(
    ("highest", "expected"),
    [
        ("007", "008"),
        ("20200101000000", "20240506070809"),
        ("20240506070809", "20240506070810"),
        ("20991231235959", "21000101000000"),
        ("20201801000000", "20201801000001"),
    ],
)
def test_the_next_version_goes_on_as_the_folder_does(
    tmp_path: Path, highest: str, expected: str
) -> None:
    (tmp_path / f"{highest}_a.up.sql").write_text("select 1;\n")
    assert next_version(sql_files(tmp_path, shown="m"), now=NOW) == expected


def test_timestamps_are_in_utc(tmp_path: Path) -> None:
    (tmp_path / "20200101000000_a.up.sql").write_text("select 1;\n")
    there = NOW.astimezone(timezone(timedelta(hours=5)))
    assert next_version(sql_files(tmp_path, shown="m"), now=there) == "20240506070809"


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("add_users", "add_users"),
        ("Add e-mail to Users!", "add_e_mail_to_users"),
        ("  größer / smaller ", "grosser_smaller"),
        ("Ünïcode", "unicode"),
        ("up", "up"),
        ("../../etc/passwd", "etc_passwd"),
    ],
)
def test_the_name_becomes_part_of_a_file_name(tmp_path: Path, name: str, slug: str) -> None:
    up, down = write_pair(tmp_path, "001", name)
    assert up == tmp_path / f"001_{slug}.up.sql"
    assert down == tmp_path / f"001_{slug}.down.sql"


@pytest.mark.parametrize("dialect", [Dialect.POSTGRESQL, Dialect.SQLITE])
def test_what_is_written_reads_as_a_migration_without_findings(
    tmp_path: Path, dialect: Dialect
) -> None:
    write_pair(tmp_path, "001", "add users")
    folder = read_folder(tmp_path, dialect, shown="m")
    assert folder.findings == ()
    (migration,) = folder.migrations
    assert migration.label == "001_add_users"
    for script in (migration.up, migration.down):
        assert script is not None
        assert script.source.top.startswith("-- ")
        assert script.source.top.endswith("\n")


@pytest.mark.parametrize("name", ["", "  ", "!!!", "日本"])
def test_a_name_of_which_nothing_is_left_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="no letter or digit"):
        write_pair(tmp_path, "001", name)
    assert list(tmp_path.iterdir()) == []


def test_a_name_too_long_for_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="longer than"):
        write_pair(tmp_path, "001", "x" * 300)


@pytest.mark.parametrize("direction", ["up", "down"])
def test_nothing_is_overwritten_and_nothing_half_is_left(tmp_path: Path, direction: str) -> None:
    there = tmp_path / f"001_a.{direction}.sql"
    there.write_text("mine")
    with pytest.raises(UsageError, match="is there already"):
        write_pair(tmp_path, "001", "a")
    assert there.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [there]


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no folder") as caught:
        write_pair(tmp_path / "nowhere", "001", "a")
    assert "banister init" in (caught.value.hint or "")


def test_a_url_is_no_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        write_pair(tmp_path, "001", "postgresql://u:hunter2@host/db")
    assert "hunter2" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []
