"""What lint says of statements without a server, and what squawk adds."""

import shutil
import sysconfig
from pathlib import Path

import pytest
from projects import json_of, migrations

from conftest import RunBanister


def codes(run_banister: RunBanister, *args: str) -> list[tuple[str, int | None]]:
    told = json_of(run_banister("lint", "--format", "json", *args))
    return [
        (each["code"], each["location"]["line"])
        for each in told["findings"]
        if each["code"] != "missing_down"
    ]


@pytest.mark.parametrize(
    ("sql", "rule"),
    [
        ("VACUUM FULL users;", "rewrite-table-maintenance"),
        ("CLUSTER users USING users_pkey;", "rewrite-table-maintenance"),
        ("LOCK TABLE users IN EXCLUSIVE MODE;", "lock-table"),
        ("REINDEX TABLE users;", "reindex-blocking"),
        (f'CREATE TABLE "{"é" * 32}" (id int);', "identifier-too-long"),
    ],
)
def test_what_is_certain_is_said_at_its_line(
    tmp_path: Path, run_banister: RunBanister, sql: str, rule: str
) -> None:
    top = "-- banister: transaction=off\n"
    migrations(tmp_path, m001_a__up=f"{top}SELECT 1;\n{sql}\n")
    assert codes(run_banister) == [(rule, 3)]
    accepted = f'-- banister: accept={rule} reason="at night"\n'
    migrations(tmp_path, m001_a__up=f"{top}{accepted}SELECT 1;\n{sql}\n")
    assert codes(run_banister) == []


def test_what_depends_on_the_database_is_left_to_plan(
    tmp_path: Path, run_banister: RunBanister
) -> None:
    migrations(
        tmp_path,
        m001_a__up="-- banister: transaction=off\nREINDEX TABLE CONCURRENTLY users;\n"
        "CREATE INDEX i ON users (id);\nALTER TABLE users ALTER id SET NOT NULL;\n"
        "INSERT INTO users VALUES ('LOCK TABLE users');\n",
    )
    assert codes(run_banister) == []
    told = run_banister("lint")
    assert "`banister plan` knows more" in told.stdout


def test_squawk_is_asked_only_where_somebody_wants_it(
    tmp_path: Path, run_banister: RunBanister
) -> None:
    assert shutil.which("squawk", path=sysconfig.get_path("scripts")), "pip install squawk-cli"
    migrations(tmp_path, m001_a__up="SELECT 1;\nALTER TABLE users RENAME COLUMN a TO b;\n")
    assert codes(run_banister) == []
    assert codes(run_banister, "--squawk") == [("squawk:renaming-column", 2)]
