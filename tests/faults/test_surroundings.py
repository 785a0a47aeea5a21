"""What surrounds a run and fails: its output, its language, its folder. The SQL goes on."""

import subprocess
import sys
from pathlib import Path

import pytest
from small_disk import small_disk

from conftest import clean_environment
from postgres_kit import Site, SiteMaker
from servers import PostgresDatabase

FILES = {
    "001_größe": "CREATE TABLE witness (n int, at int);",
    "002_slow": "DO $$ BEGIN RAISE NOTICE 'größer: 日本'; END $$;\nSELECT pg_sleep(0.8);\n"
    "INSERT INTO witness VALUES (2, 1);",
    "003_last": "INSERT INTO witness VALUES (3, 1);",
}
NOWHERE = Path("/dev/full")


@pytest.fixture
def site(postgres: PostgresDatabase, tmp_path: Path) -> Site:
    return SiteMaker(tmp_path)(postgres, FILES)


def complete(site: Site) -> bool:
    rows = site.rows("SELECT n FROM witness ORDER BY n")
    return rows == [(2,), (3,)] and site.applied() == ["001", "002", "003"]


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_reader_that_goes_away_in_the_middle_changes_nothing_for_the_database(
    site: Site, form: str
) -> None:
    with site.command("up", "--format", form) as process:
        site.wait_for_statement("pg_sleep")
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(60) == 0
    assert complete(site)


@pytest.mark.skipif(not NOWHERE.exists(), reason="no /dev/full")
@pytest.mark.parametrize("form", ["text", "json"])
def test_output_that_finds_no_room_changes_nothing_for_the_database(site: Site, form: str) -> None:
    with NOWHERE.open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "banister", "up", "--format", form],
            cwd=site.root,
            env={**clean_environment(), "BANISTER_URL": site.database.url},
            stdout=full,
            stderr=full,
            check=False,
            timeout=60,
        )
    assert done.returncode == 0
    assert complete(site)


def test_a_language_without_the_characters_changes_nothing_for_the_database(site: Site) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "banister", "up"],
        cwd=site.root,
        env={
            **clean_environment(),
            "BANISTER_URL": site.database.url,
            "LC_ALL": "C",
            "PYTHONIOENCODING": "ascii",
        },
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert complete(site)
    assert site.value("SELECT name FROM schema_migrations WHERE version = '001'") == "größe"


def test_a_folder_that_cannot_be_written_is_enough_to_run_from(
    postgres: PostgresDatabase,
) -> None:
    with small_disk(4) as disk:
        site = SiteMaker(disk.path)(postgres, FILES)
        disk.forbid_writing()
        with pytest.raises(OSError, match="Read-only"):
            (disk.path / "probe").touch()
        with site.command("up") as process:
            said, complaints = process.communicate(timeout=60)
            assert (process.returncode, "error" in complaints) == (0, False), said + complaints
        assert complete(site)
        assert [path.name for path in disk.path.iterdir()] == ["migrations"]
