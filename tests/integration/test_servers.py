"""The servers that the other tests stand on."""

import pytest

from servers import AnyDatabase, PostgresDatabase, Servers


def test_each_supported_major_answers_as_itself(every_postgres: PostgresDatabase) -> None:
    ((version,),) = every_postgres.execute("SHOW server_version_num")
    assert int(version) // 10000 == every_postgres.major
    assert every_postgres.execute("SELECT current_database()") == [(every_postgres.name,)]


def test_a_database_is_empty_and_gone_after_its_test(servers: Servers) -> None:
    with servers.database(18) as first:
        first.execute("CREATE TABLE t (id int)")
        held_open = first.connect()
    with servers.database(18) as second:
        names = [name for (name,) in second.execute("SELECT datname FROM pg_database")]
        assert first.name not in names
        assert second.execute("SELECT to_regclass('t')") == [(None,)]
    held_open.close()


def test_both_engines_run_sql(any_database: AnyDatabase) -> None:
    any_database.execute("CREATE TABLE t (id int)")
    any_database.execute("INSERT INTO t VALUES (1), (2)")
    assert any_database.execute("SELECT id FROM t ORDER BY id") == [(1,), (2,)]


def test_a_required_server_that_is_missing_fails_instead_of_skipping(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BANISTER_REQUIRE_SERVERS", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no PostgreSQL 9"):
        servers.get(9)
    monkeypatch.setenv("BANISTER_REQUIRE_SERVERS", "9, 18")
    with pytest.raises(pytest.fail.Exception, match="no PostgreSQL 9"):
        servers.get(9)
