"""What the planner learns about a statement, from its tokens and never from a word in a string."""

import pytest

from banister.model import Dialect, Statement
from banister.script import Control, Traits, traits


def of(text: str, dialect: Dialect = Dialect.POSTGRESQL) -> Traits:
    return traits(Statement(text=text, start=0, line=1, column=1), dialect)


def in_sqlite(text: str) -> Traits:
    return of(text, Dialect.SQLITE)


@pytest.mark.parametrize(
    ("text", "control", "chain", "options"),
    [
        ("BEGIN;", Control.BEGIN, False, ""),
        ("begin work", Control.BEGIN, False, ""),
        ("begin transaction read only;", Control.BEGIN, False, "READ ONLY"),
        (
            "start /* now */ transaction isolation level serializable, read write;",
            Control.BEGIN,
            False,
            "ISOLATION LEVEL SERIALIZABLE READ WRITE",
        ),
        ("COMMIT;", Control.COMMIT, False, ""),
        ("end transaction;", Control.COMMIT, False, ""),
        ("commit and chain;", Control.COMMIT, True, ""),
        ("commit work and no chain;", Control.COMMIT, False, ""),
        ("rollback;", Control.ROLLBACK, False, ""),
        ("abort and chain;", Control.ROLLBACK, True, ""),
        ("rollback to savepoint a;", Control.SAVEPOINT, False, ""),
        ("rollback work to a;", Control.SAVEPOINT, False, ""),
        ("savepoint a;", Control.SAVEPOINT, False, ""),
        ("release savepoint a;", Control.SAVEPOINT, False, ""),
        ("prepare transaction 'a';", Control.PREPARE, False, ""),
        ("prepare q as select 1;", None, False, ""),
        ("commit prepared 'a';", None, False, ""),
        ("do $$ begin commit; end $$;", None, False, ""),
        ('"begin";', None, False, ""),
        ("/* begin */ select 'commit';", None, False, ""),
    ],
)
def test_transaction_control_is_told(
    text: str, control: Control | None, chain: bool, options: str
) -> None:
    found = of(text)
    assert (found.control, found.chain, found.begin_options) == (control, chain, options)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("create index concurrently i on t (a)", "CREATE INDEX CONCURRENTLY"),
        ("create unique /* c */ index\nCONCURRENTLY if not exists i on t (a);",
         "CREATE INDEX CONCURRENTLY"),
        ("drop index concurrently i;", "DROP INDEX CONCURRENTLY"),
        ("reindex table concurrently t;", "REINDEX TABLE CONCURRENTLY"),
        ("reindex (concurrently, verbose) index i;", "REINDEX INDEX CONCURRENTLY"),
        ("reindex (verbose, concurrently true) index i;", "REINDEX INDEX CONCURRENTLY"),
        ("reindex schema s;", "REINDEX SCHEMA"),
        ("reindex (verbose) database d;", "REINDEX DATABASE"),
        ("reindex system;", "REINDEX SYSTEM"),
        ("alter table only a.b detach partition c.d concurrently;",
         "ALTER TABLE … DETACH PARTITION … CONCURRENTLY"),
        ("vacuum (full) t;", "VACUUM"),
        ("create database d;", "CREATE DATABASE"),
        ("drop database if exists d;", "DROP DATABASE"),
        ("create tablespace s location '/a';", "CREATE TABLESPACE"),
        ("drop tablespace s;", "DROP TABLESPACE"),
        ("alter system set work_mem = '1MB';", "ALTER SYSTEM"),
        ("alter database d set tablespace s;", "ALTER DATABASE … SET TABLESPACE"),
        ("cluster;", "CLUSTER"),
        ("cluster verbose;", "CLUSTER"),
        ("cluster (verbose);", "CLUSTER"),
        ("create subscription s connection 'c' publication p;", "CREATE SUBSCRIPTION"),
        ("create subscription s connection 'c' publication p with (copy_data = false);",
         "CREATE SUBSCRIPTION"),
        ("drop subscription s;", "DROP SUBSCRIPTION"),
        ("alter subscription s refresh publication;", "ALTER SUBSCRIPTION … REFRESH PUBLICATION"),
        ("alter subscription s set publication p;", "ALTER SUBSCRIPTION … SET PUBLICATION"),
        ("alter subscription s set (failover = true);",
         "ALTER SUBSCRIPTION … SET (failover, two_phase)"),
        ("commit prepared 'a';", "COMMIT PREPARED"),
        ("rollback prepared 'a';", "ROLLBACK PREPARED"),
        ("discard all;", "DISCARD ALL"),
    ],
)  # fmt: skip
def test_what_the_server_refuses_in_a_transaction_is_named(text: str, name: str) -> None:
    assert of(text).refuses_transaction == name


@pytest.mark.parametrize(
    "text",
    [
        "create index i on t (a); -- concurrently",
        'create index "concurrently" on t (a);',
        "create index i on t (a) where b = 'concurrently';",
        "drop index i;",
        "reindex table t;",
        "reindex (concurrently false) table t;",
        "reindex (verbose) index i;",
        "alter table a detach partition b;",
        "alter table a detach partition b finalize;",
        "alter table a add check (b <> 'detach partition c concurrently');",
        "cluster t using i;",
        "cluster verbose t;",
        "create subscription s connection 'c' publication p with (connect = false);",
        "create subscription s connection 'c' publication p with (create_slot = 'off', enabled);",
        "alter subscription s set publication p with (refresh = false);",
        "alter subscription s disable;",
        "alter database d set work_mem = '1MB';",
        "discard temp;",
        "select 'vacuum';",
        "analyze t;",
        "comment on table vacuum is 'x';",
    ],
)  # fmt: skip
def test_what_may_run_in_a_transaction_is_not_refused(text: str) -> None:
    assert of(text).refuses_transaction is None


@pytest.mark.parametrize(
    ("text", "names", "value"),
    [
        ("set search_path to a, 'B', \"c\";", ("search_path",), "a, B, c"),
        ("SET SESSION Lock_Timeout = 0;", ("lock_timeout",), "0"),
        ("set standard_conforming_strings = off;", ("standard_conforming_strings",), "off"),
        ("set my.var = -1;", ("my.var",), "-1"),
        ("set time zone 'UTC';", ("timezone",), "UTC"),
        ("set session time zone local;", ("timezone",), "local"),
        ("set role none;", ("role",), "none"),
        ("set session role x;", ("role",), "x"),
        ("set session authorization default;", ("session_authorization",), "default"),
        ("set names 'LATIN1';", ("client_encoding",), "LATIN1"),
        ("set schema 'a';", ("search_path",), "a"),
        ("set session characteristics as transaction read only;",
         ("default_transaction_read_only",), None),
        ("select pg_catalog.set_config('search_path', '', false);", ("search_path",), ""),
        ("select set_config('Lock_Timeout', '0', 'f');", ("lock_timeout",), "0"),
        ("select set_config('a.b', f(1, 2), 1 = 2);", ("a.b",), None),
        ("reset all;", ("all",), None),
        ("reset search_path;", ("search_path",), None),
        ("set local search_path = a;", (), "a"),
        ("set local session authorization a;", (), "a"),
        ("select set_config('search_path', '', true);", (), ""),
        ("set constraints all deferred;", (), None),
        ("set transaction isolation level serializable;", (), None),
        ("set session characteristics as nothing;", (), None),
        ("select 'set_config(''a'', ''b'', false)';", (), None),
        ("alter role r set search_path = a;", (), None),
        ("create function f() returns int set search_path = a as $$ set_config('a', '', false) $$;",
         (), None),
        ("update t set search_path = 'a';", (), None),
    ],
)  # fmt: skip
def test_what_outlives_its_transaction_is_named(
    text: str, names: tuple[str, ...], value: str | None
) -> None:
    found = of(text)
    assert (found.session_settings, found.setting_value) == (names, value)


def test_a_local_setting_is_named_apart() -> None:
    found = of("set local standard_conforming_strings = off;")
    assert (found.setting, found.session_settings) == ("standard_conforming_strings", ())


@pytest.mark.parametrize(
    "text",
    [
        "call p();",
        "do $$ begin commit; end $$;",
        "DO LANGUAGE plpgsql 'begin Rollback; end';",
        "do $$ begin call p(); end $$;",
    ],
)
def test_what_may_commit_is_told(text: str) -> None:
    assert of(text).may_commit


@pytest.mark.parametrize(
    "text",
    [
        "insert into t values ('commit') on conflict do nothing;",
        "do $$ begin end $$;",
        "do $$ begin update committed set called = 1; end $$;",
    ],
)
def test_nothing_else_may_commit(text: str) -> None:
    assert not of(text).may_commit


def test_copy_from_stdin_is_told() -> None:
    assert of("copy t (a) from stdin;").copy_from_stdin
    assert not of("copy t to stdout;").copy_from_stdin


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("create table Portfolios (id int);", ("CREATE", "TABLE", "PORTFOLIOS")),
        ('create table a."b C" (id int);', ("CREATE", "TABLE", 'A."b C"')),
        ("select 1;", ("SELECT",)),
        ("alter table only a.b.c add d int;", ("ALTER", "TABLE", "ONLY", "A.B.C")),
        ("alter table a add b int;", ("ALTER", "TABLE", "A", "ADD")),
        ("", ()),
    ],
)
def test_the_first_words_are_for_reports(text: str, words: tuple[str, ...]) -> None:
    assert of(text).words == words


@pytest.mark.parametrize(
    ("text", "control", "options"),
    [
        ("begin exclusive transaction;", Control.BEGIN, "EXCLUSIVE"),
        ("BEGIN;", Control.BEGIN, ""),
        ("commit transaction;", Control.COMMIT, ""),
        ("end;", Control.COMMIT, ""),
        ("rollback;", Control.ROLLBACK, ""),
        ("rollback transaction to savepoint a;", Control.SAVEPOINT, ""),
        ("savepoint a;", Control.SAVEPOINT, ""),
        ("release a;", Control.SAVEPOINT, ""),
        ("explain commit;", None, ""),
        ("[begin];", None, ""),
    ],
)
def test_sqlite_transaction_control_is_told(
    text: str, control: Control | None, options: str
) -> None:
    found = in_sqlite(text)
    assert (found.control, found.begin_options) == (control, options)


@pytest.mark.parametrize(
    ("text", "pragma", "sets", "value", "refusal"),
    [
        ("PRAGMA foreign_keys = OFF;", "foreign_keys", True, "OFF", None),
        ("pragma main.foreign_keys(0);", "foreign_keys", True, "0", None),
        ("pragma foreign_keys;", "foreign_keys", False, None, None),
        ("pragma table_info('t');", "table_info", False, None, None),
        ("pragma journal_mode = wal;", "journal_mode", True, "wal", "PRAGMA journal_mode"),
        ("pragma journal_mode;", "journal_mode", False, None, None),
        ("pragma synchronous(1);", "synchronous", True, "1", "PRAGMA synchronous"),
        ("pragma user_version = -5;", "user_version", True, "-5", None),
        ("vacuum into 'f';", None, False, None, "VACUUM"),
        ("detach database a;", None, False, None, "DETACH"),
        ("select 'vacuum';", None, False, None, None),
    ],
)
def test_sqlite_pragmas_and_refusals_are_told(
    text: str, pragma: str | None, sets: bool, value: str | None, refusal: str | None
) -> None:
    found = in_sqlite(text)
    assert (found.pragma, found.pragma_sets) == (pragma, sets)
    assert (found.setting_value, found.refuses_transaction) == (value, refusal)


def test_sqlite_has_none_of_the_traits_of_postgresql() -> None:
    for text in ("call p();", "copy t from stdin;", "set search_path = a;", "discard all;"):
        assert in_sqlite(text) == Traits(words=in_sqlite(text).words)


def test_a_long_statement_is_read_only_as_far_as_needed() -> None:
    text = "create view t as values " + "(1, 'x')," * 500_000
    assert of(text).words == ("CREATE", "VIEW", "T", "AS")
