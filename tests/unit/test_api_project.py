"""The library's face: what it exports, and what needs no database."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

import banister
from banister import UsageError
from banister.model import Dialect


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "001_a.up.sql").write_text("CREATE TABLE a (id int);")
    (folder / "001_a.down.sql").write_text("DROP TABLE a;")
    return tmp_path


def project(root: Path, url: str | None = None, **more: object) -> banister.Project:
    return banister.open(url, root=root, environ={}, settings=more or None)


def test_the_exported_names_are_these_and_all_are_there() -> None:
    assert set(banister.__all__) >= {
        "BanisterError", "ConnectionFailed", "DatabaseError", "Decision", "Failure", "Finding",
        "FindingsError", "HistoryError", "Location", "LockTimeout", "MigrationFailed",
        "OutcomeUnknown", "Preview", "Project", "ScriptError", "ServerError", "Severity", "Status",
        "UnsupportedByEngine", "UsageError", "__version__", "open", "split_statements",
    }  # fmt: skip
    assert all(hasattr(banister, name) for name in banister.__all__)
    assert list(banister.__all__) == sorted(banister.__all__)


def test_opening_connects_to_nothing(root: Path) -> None:
    found = project(root, "postgresql://nobody@127.0.0.1:1/nothing")
    assert found.dialect is Dialect.POSTGRESQL
    assert [migration.label for migration in found.folder().migrations] == ["001_a"]
    assert found.lint() == ()


def test_the_url_decides_the_dialect(root: Path) -> None:
    assert project(root, "sqlite:///x.db").dialect is Dialect.SQLITE
    assert project(root, "embedded:").dialect is Dialect.POSTGRESQL
    assert project(root).dialect is None
    assert not (root / "x.db").exists()


def test_the_environment_is_the_one_that_is_given(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "sqlite:///from_outside.db")
    assert project(root).target is None
    environ = {"DATABASE_URL": "sqlite:///given.db"}
    target = banister.open(root=root, environ=environ).target
    assert target is not None
    assert target.path is not None
    assert target.path.name == "given.db"


def test_another_folder_may_be_named(root: Path) -> None:
    (root / "elsewhere").mkdir()
    found = banister.open(root=root, dir="elsewhere", environ={})
    assert found.folder().migrations == ()
    with pytest.raises(UsageError):
        banister.open(root=root, dir="nowhere", environ={}).folder()


def test_without_a_database_plain_files_are_postgresql_and_sqlite_files_sqlite(root: Path) -> None:
    for name, text in {
        "002_b.up.sql": "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1; $$;",
        "003_c.up.postgresql.sql": "SELECT $$;$$;",
        "003_c.up.sqlite.sql": "PRAGMA foreign_keys = off;",
    }.items():
        (root / "migrations" / name).write_text(text)
    found = project(root).lint()
    errors = [finding for finding in found if finding.severity == "error"]
    assert [finding.code for finding in errors] == ["pragma_foreign_keys"]
    assert errors[0].location is not None
    assert errors[0].location.path == "migrations/003_c.up.sqlite.sql"


def test_a_finding_of_both_readings_is_told_once(root: Path) -> None:
    (root / "migrations" / "x.up.sql").write_text("")
    assert [finding.code for finding in project(root).lint()] == ["bad_name"]


def test_everything_that_needs_a_database_says_how_to_name_one(root: Path) -> None:
    found = project(root)
    for function in (
        found.up,
        found.down,
        found.status,
        found.plan_down,
        lambda: found.baseline("1"),
        lambda: found.accept_edit("1"),
        lambda: found.decide("1", 1, banister.Decision.DONE),
    ):
        with pytest.raises(UsageError) as caught:
            function()
        assert "--url" in (caught.value.hint or "") + caught.value.message


def test_a_target_that_is_no_version_is_refused_without_a_database(root: Path) -> None:
    with pytest.raises(UsageError):
        project(root).plan(to="9")


def test_new_files_are_never_written_over_others(root: Path) -> None:
    now = datetime(2024, 1, 1, tzinfo=UTC)
    up, down = project(root).new("b", now=now)
    assert (up.name, down.name) == ("002_b.up.sql", "002_b.down.sql")
    assert project(root).new("b", now=now)[0].name == "003_b.up.sql"
    assert [finding for finding in project(root).lint() if finding.severity == "error"] == []


def test_a_project_shows_no_password(root: Path) -> None:
    found = project(root, "postgresql://bob:s3cret@127.0.0.1:1/x")
    assert "s3cret" not in repr(found)
    with pytest.raises(banister.ConnectionFailed) as caught:
        found.status()
    assert "s3cret" not in str(caught.value)
    assert "s3cret" not in (caught.value.hint or "")
