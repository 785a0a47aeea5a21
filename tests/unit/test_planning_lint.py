"""What the files alone tell."""

from banister.errors import Finding, Severity
from banister.model import Dialect
from banister.planning import lint
from samples import a_folder, a_migration

PG, LITE = Dialect.POSTGRESQL, Dialect.SQLITE
NAMED = Finding(severity=Severity.ERROR, code="bad_name", message="x")


def test_clean_files_say_nothing() -> None:
    folder = a_folder(a_migration("001_a"), a_migration("002_b", down=None))
    assert lint(folder, PG) == ()


def test_what_reading_found_comes_first_then_both_directions_of_every_file() -> None:
    bad = a_migration("001_a", "SELECT 1; COMMIT;", "SELECT 1; ROLLBACK;")
    worse = a_migration("002_b", "SELECT 'open")
    found = lint(a_folder(bad, worse, findings=(NAMED,)), PG)
    assert [finding.location and finding.location.path for finding in found] == [
        None,
        "migrations/001_a.up.sql",
        "migrations/001_a.down.sql",
        "migrations/002_b.up.sql",
    ]


def test_the_dialect_decides() -> None:
    folder = a_folder(a_migration("001_a", "PRAGMA foreign_keys = off;"))
    assert lint(folder, PG) == ()
    assert [finding.code for finding in lint(folder, LITE)] == ["pragma_foreign_keys"]


def test_only_files_of_an_ending_may_be_looked_at() -> None:
    folder = a_folder(a_migration("001_a", "SELECT 1; COMMIT;", "SELECT 1; COMMIT;"))
    found = lint(folder, PG, only_ending=".down.sql")
    assert [finding.location and finding.location.path for finding in found] == [
        "migrations/001_a.down.sql"
    ]
