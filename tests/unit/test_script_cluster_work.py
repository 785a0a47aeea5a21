"""What reaches beyond its own database is known by its tokens."""

import pytest

from banister.model import Dialect, Statement
from banister.script import cluster_work


def of(text: str) -> str | None:
    return cluster_work(Statement(text=text, start=0, line=1, column=1), Dialect.POSTGRESQL)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("create role app;", "CREATE ROLE"),
        ("ALTER USER app PASSWORD 'x';", "ALTER USER"),
        ("drop /* all */ group g;", "DROP GROUP"),
        ("create database d;", "CREATE DATABASE"),
        ("alter database d set search_path = a;", "ALTER DATABASE"),
        ("drop tablespace s;", "DROP TABLESPACE"),
        ("alter system set work_mem = '1MB';", "ALTER SYSTEM"),
        ("comment on database d is 'x';", "COMMENT ON DATABASE"),
        ("drop owned by app;", "DROP OWNED"),
        ("reassign owned by a to b;", "REASSIGN OWNED"),
        ("copy t from program 'rm x';", "COPY FROM PROGRAM"),
        ("copy (select 1) to program 'cat';", "COPY TO PROGRAM"),
        ("copy t (a, b) to '/tmp/x';", "COPY TO a file"),
    ],
)
def test_what_reaches_the_whole_server_is_named(text: str, name: str) -> None:
    assert of(text) == name


@pytest.mark.parametrize(
    "text",
    [
        "create user mapping for app server s;",
        "create table role (id int);",
        "insert into t values ('drop database d');",
        "-- create role a\nselect 1;",
        "copy t from stdin;",
        "copy (select 'from program') to stdout;",
        "comment on table t is 'x';",
    ],
)
def test_what_stays_in_its_database_is_not(text: str) -> None:
    assert of(text) is None
