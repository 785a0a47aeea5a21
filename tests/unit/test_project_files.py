"""Reading a migrations folder: what is a migration, and every way in which a file is not."""

import os
import time
from pathlib import Path

import pytest

from banister.errors import Finding, Severity, UsageError
from banister.model import Dialect, Direction, Folder
from banister.project import read_folder

POSTGRESQL, SQLITE = Dialect.POSTGRESQL, Dialect.SQLITE


def fill(folder: Path, *names: str, text: str = "select 1;\n") -> None:
    for name in names:
        (folder / name).write_text(text)


def read(folder: Path, dialect: Dialect | None = POSTGRESQL) -> Folder:
    return read_folder(folder, dialect, shown="migrations")


def found(folder: Path, code: str, dialect: Dialect | None = POSTGRESQL) -> Finding:
    """The only finding of that code."""
    (finding,) = (f for f in read(folder, dialect).findings if f.code == code)
    return finding


def codes(folder: Path, dialect: Dialect | None = POSTGRESQL) -> list[tuple[str, str]]:
    return [(f.code, str(f.location)) for f in read(folder, dialect).findings]


def labels(folder: Folder) -> list[str]:
    return [migration.label for migration in folder.migrations]


def test_pairs_are_read_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    fill(tmp_path, "10_b.up.sql", "10_b.down.sql", "2_a.up.sql", "2_a.down.sql")
    folder = read(tmp_path)
    assert folder.path == "migrations"
    assert folder.findings == ()
    assert labels(folder) == ["2_a", "10_b"]
    first = folder.migrations[0]
    assert first.up.source.path == "migrations/2_a.up.sql"
    assert first.up.source.whole == "select 1;\n"
    assert first.up.direction is Direction.UP
    assert first.up.from_file
    assert first.down is not None
    assert first.down.source.path == "migrations/2_a.down.sql"
    assert first.down.direction is Direction.DOWN


def test_an_empty_folder_holds_nothing_and_nothing_is_wrong(tmp_path: Path) -> None:
    assert read(tmp_path) == Folder(path="migrations")


def test_a_gap_in_the_numbers_is_fine(tmp_path: Path) -> None:
    fill(tmp_path, "001_a.up.sql", "001_a.down.sql", "999_b.up.sql", "999_b.down.sql")
    fill(tmp_path, "1000_c.up.sql", "1000_c.down.sql")
    assert read(tmp_path).findings == ()


def test_a_missing_folder_is_an_error_with_advice(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no folder migrations") as caught:
        read(tmp_path / "nowhere")
    assert "banister init" in (caught.value.hint or "")
    assert "--dir" in (caught.value.hint or "")


def test_a_file_in_place_of_the_folder_is_an_error(tmp_path: Path) -> None:
    fill(tmp_path, "migrations")
    with pytest.raises(UsageError, match="is not a folder"):
        read(tmp_path / "migrations")


@pytest.mark.parametrize(
    ("dialect", "up", "down"),
    [
        (POSTGRESQL, "1_a.up.sql", "1_a.down.postgresql.sql"),
        (SQLITE, "1_a.up.sqlite.sql", "1_a.down.sql"),
        (None, "1_a.up.sql", "1_a.down.sql"),
    ],
)
def test_the_engines_own_file_wins(
    tmp_path: Path, dialect: Dialect | None, up: str, down: str
) -> None:
    fill(tmp_path, "1_a.up.sql", "1_a.up.sqlite.sql", "1_a.down.sql", "1_a.down.postgresql.sql")
    (migration,) = read(tmp_path, dialect).migrations
    assert migration.up.source.path == f"migrations/{up}"
    assert migration.down is not None
    assert migration.down.source.path == f"migrations/{down}"
    assert read(tmp_path, dialect).findings == ()


def test_offline_any_engines_file_will_do(tmp_path: Path) -> None:
    fill(tmp_path, "1_a.up.sqlite.sql", "1_a.up.postgresql.sql", "2_b.up.sqlite.sql")
    first, second = read(tmp_path, None).migrations
    assert first.up.source.path == "migrations/1_a.up.postgresql.sql"
    assert second.up.source.path == "migrations/2_b.up.sqlite.sql"


def test_a_migration_of_another_engine_is_left_out(tmp_path: Path) -> None:
    fill(tmp_path, "1_a.up.sqlite.sql", "1_a.down.sqlite.sql", "2_b.up.sqlite.sql", "2_b.down.sql")
    assert read(tmp_path, POSTGRESQL) == Folder(path="migrations")
    assert labels(read(tmp_path, SQLITE)) == ["1_a", "2_b"]


def test_a_number_given_twice_names_both_files(tmp_path: Path) -> None:
    fill(tmp_path, "001_a.up.sql", "001_a.down.sql", "1_b.up.sql", "1_b.down.sql")
    finding = found(tmp_path, "duplicate_version")
    assert finding.severity is Severity.ERROR
    assert "001_a.up.sql" in finding.message
    assert "1_b.up.sql" in finding.message
    assert finding.version is not None
    folder = read(tmp_path)
    assert labels(folder) == ["001_a"]
    assert "name_mismatch" not in {f.code for f in folder.findings}


def test_a_number_given_twice_to_two_engines_is_still_twice(tmp_path: Path) -> None:
    fill(tmp_path, "1_a.up.sqlite.sql", "1_b.up.postgresql.sql")
    assert found(tmp_path, "duplicate_version").severity is Severity.ERROR


def test_a_file_that_cannot_be_decoded_still_counts_for_its_number(tmp_path: Path) -> None:
    fill(tmp_path, "1_b.up.sql")
    (tmp_path / "1_a.up.sql").write_bytes(b"select '\xff\xfe';")
    folder = read(tmp_path)
    errors = [f for f in folder.findings if f.severity is Severity.ERROR]
    assert "duplicate_version" in {f.code for f in errors}
    assert any(f.location is not None and "1_a.up.sql" in f.location.path for f in errors)
    assert {f.version for f in errors} == {"1"}
    assert folder.migrations == ()


def test_a_down_with_another_name_is_an_error(tmp_path: Path) -> None:
    fill(tmp_path, "1_add.up.sql", "1_added.down.sql")
    finding = found(tmp_path, "name_mismatch")
    assert finding.severity is Severity.ERROR
    assert str(finding.location) == "migrations/1_added.down.sql"
    assert "1_add.up.sql" in finding.message
    (migration,) = read(tmp_path).migrations
    assert migration.down is None
    assert [code for code, _ in codes(tmp_path)] == ["name_mismatch"]


def test_a_down_without_an_up_is_an_error(tmp_path: Path) -> None:
    fill(tmp_path, "1_a.down.sql")
    assert found(tmp_path, "missing_up").severity is Severity.ERROR
    assert read(tmp_path).migrations == ()


def test_an_up_without_a_down_is_a_notice(tmp_path: Path) -> None:
    fill(tmp_path, "1_a.up.sql")
    assert found(tmp_path, "missing_down").severity is Severity.NOTICE
    assert len(read(tmp_path).migrations) == 1


def test_an_up_that_is_declared_irreversible_needs_no_down(tmp_path: Path) -> None:
    fill(tmp_path, "1_a.up.sql", text="-- banister: irreversible\nselect 1;\n")
    assert read(tmp_path).findings == ()


def test_an_irreversible_up_with_a_down_is_an_error(tmp_path: Path) -> None:
    fill(tmp_path, "1_a.up.sql", text="-- banister: irreversible\nselect 1;\n")
    fill(tmp_path, "1_a.down.sql")
    finding = found(tmp_path, "irreversible_with_down")
    assert finding.severity is Severity.ERROR
    assert "1_a.down.sql" in (finding.hint or "")


def test_what_is_wrong_with_a_directive_is_found_with_its_version(tmp_path: Path) -> None:
    fill(tmp_path, "1_a.up.sql", text="-- banister: irreversibel\nselect 1;\n")
    errors = [f for f in read(tmp_path).findings if f.severity is Severity.ERROR]
    assert errors
    assert {f.version for f in errors} == {"1"}


@pytest.mark.parametrize(
    ("file", "advice"),
    [
        ("001_add_users_up.sql", "rename it to 001_add_users.up.sql"),
        ("001_add_users-down.sql", "rename it to 001_add_users.down.sql"),
        ("001_add.sql", "rename it to 001_add.up.sql, and put the way back into 001_add.down.sql"),
        ("001_a.sqlite.sql", "rename it to 001_a.up.sqlite.sql, and put"),
        ("schema.sql", "put a number and _ before it"),
        ("V1__init.sql", "rename it to 1_init.up.sql"),
        ("U1__init.sql", "rename it to 1_init.down.sql"),
        ("001add.up.sql", "rename it to 001_add.up.sql"),
        ("001.add.up.sql", "rename it to 001_add.up.sql"),
        ("001-add.up.sql", "rename it to 001_add.up.sql"),
        ("2020-12-7-add.up.sql", "rename it to 20201207_add.up.sql"),
        ("001_add.UP.SQL", "rename it to 001_add.up.sql"),
        ("001_add.up.SQL", "rename it to 001_add.up.sql"),
        ("001_add.Down.Sqlite.sql", "rename it to 001_add.down.sqlite.sql"),
        ("001_add users.up.sql", "rename it to 001_add_users.up.sql"),
        ("001 add.sql", "rename it to 001_add.up.sql"),
        ("001_add.up.postgres.sql", "rename it to 001_add.up.postgresql.sql"),
        ("001_add.up.slqite.sql", "rename it to 001_add.up.sqlite.sql"),
        ("001_add.up.mysql.sql", "rename it to NNN_description.up.sql"),
        ("001_add.sqlite.up.sql", "rename it to 001_add.up.sqlite.sql"),
        ("001.up.sql", "rename it to NNN_description.up.sql"),
        ("001_.up.sql", "rename it to NNN_description.up.sql"),
        ("001_a.up.down.sql", "rename it to NNN_description.up.sql"),
        ("001_a\x1b.up.sql", "rename it"),
        ("٣_a.up.sql", "put a number and _ before it"),
    ],
)
def test_a_name_that_is_none_gets_exact_advice(tmp_path: Path, file: str, advice: str) -> None:
    fill(tmp_path, file)
    finding = found(tmp_path, "bad_name")
    assert finding.severity is Severity.ERROR
    assert (finding.hint or "").startswith(advice)
    assert finding.location is not None
    assert finding.location.path.isprintable()
    assert read(tmp_path).migrations == ()


@pytest.mark.parametrize(
    "file", ["001_v1.2.up.sql", "001_add-users.up.sql", "001_add_Users.up.sql", "0_größe.up.sql"]
)
def test_unusual_names_are_names(tmp_path: Path, file: str) -> None:
    fill(tmp_path, file)
    (migration,) = read(tmp_path).migrations
    assert f"{migration.label}.up.sql" == file


def test_a_name_that_is_not_text_is_told_in_printable_characters(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"001_\xff.up.sql")).touch()
    finding = found(tmp_path, "bad_name")
    finding.message.encode()
    assert finding.location is not None
    finding.location.path.encode()


def test_what_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    fill(tmp_path, ".001_a.up.sql", "README.md", "001_a.up.sql~", "atlas.sum", ".hidden.sql")
    (tmp_path / "docs").mkdir()
    fill(tmp_path / "docs", "notes.sql")
    (tmp_path / ".git").mkdir()
    fill(tmp_path / ".git", "001_a.up.sql")
    assert read(tmp_path) == Folder(path="migrations")


def test_a_subfolder_with_migrations_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    fill(tmp_path / "old", "001_a.up.sql")
    finding = found(tmp_path, "subfolder")
    assert finding.severity is Severity.NOTICE
    assert str(finding.location) == "migrations/old"


def test_a_folder_named_like_a_migration_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "001_a.up.sql").mkdir()
    assert "folder" in found(tmp_path, "bad_name").message


def test_a_link_that_leads_out_of_the_folder_is_an_error(tmp_path: Path) -> None:
    folder = tmp_path / "migrations"
    folder.mkdir()
    fill(tmp_path, "real.sql")
    (folder / "001_a.up.sql").symlink_to("../real.sql")
    assert found(folder, "link_outside").severity is Severity.ERROR
    assert read(folder).migrations == ()


def test_a_link_inside_the_folder_is_followed(tmp_path: Path) -> None:
    folder = tmp_path / "migrations"
    (folder / "shared").mkdir(parents=True)
    fill(folder / "shared", "body.sql", text="select 2;\n")
    (folder / "001_a.up.sql").symlink_to("shared/body.sql")
    link = tmp_path / "link"
    link.symlink_to("migrations")
    for way in (folder, link):
        assert read(way).migrations[0].up.source.whole == "select 2;\n"


def test_a_link_to_nothing_and_a_pipe_are_errors(tmp_path: Path) -> None:
    (tmp_path / "001_a.up.sql").symlink_to("gone.sql")
    os.mkfifo(tmp_path / "002_b.up.sql")
    (tmp_path / "003_c.up.sql").symlink_to("003_c.up.sql")
    findings = read(tmp_path).findings
    assert [f.severity for f in findings] == [Severity.ERROR] * 3
    assert [f.version for f in findings] == ["001", "002", "003"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_cannot_be_read_is_an_error_with_the_reason(tmp_path: Path) -> None:
    fill(tmp_path, "001_a.up.sql")
    (tmp_path / "001_a.up.sql").chmod(0)
    finding = found(tmp_path, "unreadable")
    assert "Permission denied" in finding.message


@pytest.mark.parametrize("version", ["20201801120000", "20200230000000", "20200101256060"])
def test_a_timestamp_that_is_none_is_a_warning(tmp_path: Path, version: str) -> None:
    fill(tmp_path, f"{version}_a.up.sql", f"{version}_a.down.sql")
    finding = found(tmp_path, "version_looks_misdated")
    assert finding.severity is Severity.WARNING
    assert finding.version == version


def test_fourteen_digits_of_a_sequence_are_no_timestamp(tmp_path: Path) -> None:
    fill(tmp_path, "00000000000001_a.up.sql", "00000000000001_a.down.sql")
    assert read(tmp_path).findings == ()


@pytest.mark.parametrize(
    ("odd", "where"), [("202002011200000", "after"), ("2020020112000", "before")]
)
def test_a_timestamp_of_another_width_is_a_warning(tmp_path: Path, odd: str, where: str) -> None:
    for version in ("20200101120000", "20210101120000", odd):
        fill(tmp_path, f"{version}_a.up.sql", f"{version}_a.down.sql")
    finding = found(tmp_path, "version_width")
    assert finding.version == odd
    assert f"comes {where} all of them" in finding.message


@pytest.mark.parametrize(
    ("versions", "odd"),
    [(["0001", "0002", "00010"], "00010"), (["001", "2"], "2"), (["01", "002", "03"], "002")],
)
def test_mixed_widths_of_a_sequence_are_a_warning(
    tmp_path: Path, versions: list[str], odd: str
) -> None:
    for version in versions:
        fill(tmp_path, f"{version}_a.up.sql", f"{version}_a.down.sql")
    finding = found(tmp_path, "version_width")
    assert finding.version == odd
    assert finding.location is not None


@pytest.mark.parametrize(
    "versions", [["1", "2", "10"], ["001", "010", "1000"], ["001", "20200101120000"], ["0", "1"]]
)
def test_numbers_may_grow(tmp_path: Path, versions: list[str]) -> None:
    for version in versions:
        fill(tmp_path, f"{version}_a.up.sql", f"{version}_a.down.sql")
    assert read(tmp_path).findings == ()


def test_everything_is_told_at_once(tmp_path: Path) -> None:
    fill(
        tmp_path, "1_a.up.sql", "1_b.up.sql", "2_c.down.sql", "x.sql", "3_d.up.sql", "3_e.down.sql"
    )
    (tmp_path / "4_f.up.sql").symlink_to("/dev/null")
    told = {f.code for f in read(tmp_path).findings if f.severity is Severity.ERROR}
    assert told == {"duplicate_version", "missing_up", "bad_name", "name_mismatch", "link_outside"}


def test_every_finding_has_a_place_below_the_shown_folder(tmp_path: Path) -> None:
    fill(tmp_path, "1_a.up.sql", "1_b.up.sql", "2_c.down.sql", "x.sql", "3_d.up.sql")
    for _, place in codes(tmp_path):
        assert place.startswith("migrations/")


def test_a_long_file_is_read_whole(tmp_path: Path) -> None:
    for length in (2**16 - 1, 2**16, 2**16 + 1, 3 * 2**16):
        text = "-- " + "x" * (length - 4) + "\n"
        fill(tmp_path, "001_a.up.sql", text=text)
        assert read(tmp_path).migrations[0].up.source.whole == text


def test_a_thousand_pairs_are_read_quickly(tmp_path: Path) -> None:
    for number in range(1000):
        fill(tmp_path, f"{number:04}_a.up.sql", f"{number:04}_a.down.sql")
    read(tmp_path)
    started = time.process_time()
    folder = read(tmp_path)
    spent = time.process_time() - started
    assert len(folder.migrations) == 1000
    assert spent < 0.5  # far above what it takes, so that a slow machine does not fail
