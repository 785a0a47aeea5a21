"""The command that a failed run prints to go back: pasted into a shell as it stands."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from test_restores import elsewhere, others

from conftest import clean_environment
from postgres_kit import Site
from servers import PostgresDatabase

UP = "CREATE TABLE t (id int PRIMARY KEY, note text); INSERT INTO t VALUES (1, 'a'), (2, 'b');"
BROKEN = "-- banister: transaction=off\nDROP TABLE t;\nSELECT 1 / 0;"


@pytest.fixture
def site(postgres: PostgresDatabase, tmp_path: Path) -> Iterator[Site]:
    made = Site(database=postgres, root=tmp_path)
    made.write({"001_t": UP})
    made.up()
    made.write({"002_b": BROKEN})
    yield made
    with psycopg.connect(elsewhere(made), autocommit=True) as connection:
        for name in others(made):
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


def run(site: Site, command: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run a line as a person does, in the folder of the project."""
    line = command.replace("banister ", f"{sys.executable} -m banister ", 1)
    return subprocess.run(
        ["sh", "-c", line],
        cwd=site.root,
        env={**clean_environment(), **environment},
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def keywords(url: str) -> str:
    parts = psycopg.conninfo.conninfo_to_dict(url)
    return psycopg.conninfo.make_conninfo("", **parts)


def told(failed: "subprocess.CompletedProcess[str]") -> tuple[str, str]:
    """Return the command behind "back:", and what stands under it."""
    assert failed.returncode == 1, failed
    _, _, behind = failed.stderr.partition("back:")
    command, _, note = behind.strip().partition("\n")
    return command, note.strip()


@pytest.mark.parametrize("way", ["plain", "with a password", "from a variable", "keywords"])
def test_it_names_the_database_as_the_run_did_and_no_secret(site: Site, way: str) -> None:
    secret = "s3cr3t-word"
    url = site.database.url + ("" if way == "plain" else f"&password={secret}")
    variables: dict[str, str] = {}
    shown = f"'{url}'"
    if way == "from a variable":
        variables, shown = {"PRODUCTION": url}, '"$PRODUCTION"'
    if way == "keywords":
        shown = f'"{keywords(url)}"'
    failed = run(site, f"banister up --backup --url {shown}", **variables)
    command, note = told(failed)
    assert secret not in failed.stdout + failed.stderr
    assert ("PGPASSWORD" in note) is (way in {"with a password", "keywords"})
    assert ('"${PRODUCTION:?}"' in command) is (way == "from a variable")
    assert not site.exists("t")
    if variables:
        elsewhere_too = run(site, f"{command} --yes", DATABASE_URL=site.database.url)
        assert elsewhere_too.returncode != 0, "another shell knows no such variable"
        assert not site.exists("t")
    again = run(site, f"{command} --yes", **variables)
    assert again.returncode == 0, again
    assert site.rows("SELECT note FROM t ORDER BY id") == [("a",), ("b",)]


def test_what_ends_the_sessions_in_its_way_stands_beside_it(site: Site) -> None:
    url = f"'{site.database.url}'"
    with site.database.connect(application_name="the app"):
        command, note = told(run(site, f"banister up --backup --url {url}"))
        assert "--disconnect" in note
        assert "--disconnect" not in command
        refused = run(site, f"{command} --yes")
        assert "the app" in refused.stderr
        done = run(site, f"{command} --yes --disconnect")
        assert done.returncode == 0, done


def test_a_named_environment_is_named_again(site: Site) -> None:
    (site.root / "banister.toml").write_text('[env.prod]\nurl = "${PLACE}"\nbackup = "always"\n')
    command, note = told(run(site, "banister up --env prod", PLACE=site.database.url))
    assert command.endswith(" --replace --env prod")
    assert note == ""
    assert run(site, f"{command} --yes", PLACE=site.database.url).returncode == 0
