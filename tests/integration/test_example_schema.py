"""The example's tables keep bad rows out, on both engines alike."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

import banister
from banister.model import Dialect
from servers import MAJORS, Servers

_BACKEND = Path(__file__).resolve().parents[2] / "examples" / "portfolio" / "backend"

Row = Mapping[str, str]

#: A good row of each table, as SQL literals.
_GOOD: Mapping[str, Row] = {
    "portfolios": {
        "id": "'p1'",
        "user_id": "'u1'",
        "name": "'Mine'",
        "allocations": """'{"BTC": 100}'""",
        "created_at": "'2026-01-02T03:04:05.000Z'",
        "last_rebalance": "'2026-01-02T03:04:05.000Z'",
    },
    "rebalance_events": {
        "id": "'e1'",
        "portfolio_id": "'p1'",
        "occurred_at": "'2026-01-02T03:04:05.000Z'",
        "trigger_reason": "'manual'",
    },
    "analytics_snapshots": {
        "portfolio_id": "'p1'",
        "taken_at": "'2026-01-02T03:04:05.000Z'",
        "total_value": "0",
        "allocations": "'{}'",
        "max_drawdown": "1",
    },
    "notification_preferences": {
        "user_id": "'u1'",
        "email_enabled": "TRUE",
        "email_address": "'u1@example.com'",
        "webhook_enabled": "TRUE",
        "webhook_url": "'https://example.com/hook'",
    },
}

#: What a second good row has otherwise.
_SECOND: Mapping[str, Row] = {
    "portfolios": {"id": "'p2'"},
    "rebalance_events": {"id": "'e2'", "status": "'completed'"},
    "analytics_snapshots": {"taken_at": "'2026-01-03T03:04:05.000Z'"},
    "notification_preferences": {"user_id": "'u2'"},
}

#: Table, what is wrong with the row, and what PostgreSQL names as broken: a constraint, a column
#: that must not be null, or nothing where the value does not fit the type.
_BAD: tuple[tuple[str, Row, str | None], ...] = (
    ("portfolios", {"id": "''"}, "portfolios_id_check"),
    ("portfolios", {"id": "NULL"}, "id"),
    ("portfolios", {"id": "'p1'"}, "portfolios_pkey"),
    ("portfolios", {"user_id": "''"}, "portfolios_user_id_check"),
    ("portfolios", {"user_id": "NULL"}, "user_id"),
    ("portfolios", {"name": "''"}, "portfolios_name_check"),
    ("portfolios", {"name": "NULL"}, "name"),
    ("portfolios", {"allocations": "NULL"}, "allocations"),
    ("portfolios", {"allocations": "'[]'"}, "portfolios_allocations_check"),
    ("portfolios", {"allocations": "'{broken'"}, None),
    ("portfolios", {"threshold": "0"}, "portfolios_threshold_check"),
    ("portfolios", {"threshold": "50.01"}, "portfolios_threshold_check"),
    ("portfolios", {"slippage_tolerance": "-0.01"}, "portfolios_slippage_tolerance_check"),
    ("portfolios", {"slippage_tolerance": "10.01"}, "portfolios_slippage_tolerance_check"),
    ("portfolios", {"auto_rebalance": "2"}, None),
    ("portfolios", {"balances": "'7'"}, "portfolios_balances_check"),
    ("portfolios", {"total_value": "-1"}, "portfolios_total_value_check"),
    ("portfolios", {"total_value": "'NaN'"}, "portfolios_total_value_check"),
    ("portfolios", {"created_at": "'soon'"}, None),
    ("portfolios", {"updated_at": "'soon'"}, None),
    ("portfolios", {"last_rebalance": "'once'"}, None),
    (
        "portfolios",
        {"updated_at": "'2026-01-01T00:00:00.000Z'"},
        "portfolios_updated_after_created",
    ),
    ("rebalance_events", {"id": "''"}, "rebalance_events_id_check"),
    ("rebalance_events", {"id": "'e1'"}, "rebalance_events_pkey"),
    ("rebalance_events", {"portfolio_id": "NULL"}, "portfolio_id"),
    ("rebalance_events", {"portfolio_id": "'nobody'"}, "rebalance_events_portfolio_id_fkey"),
    ("rebalance_events", {"occurred_at": "'soon'"}, None),
    ("rebalance_events", {"trigger_reason": "'mood'"}, "rebalance_events_trigger_reason_check"),
    ("rebalance_events", {"status": "'lost'"}, "rebalance_events_status_check"),
    ("rebalance_events", {"status": "'failed'"}, "rebalance_events_error_when_failed"),
    ("rebalance_events", {"error": "'no'"}, "rebalance_events_error_when_failed"),
    ("rebalance_events", {"status": "'executing'"}, "rebalance_events_one_open_idx"),
    ("rebalance_events", {"trades": "'{}'"}, "rebalance_events_trades_check"),
    ("rebalance_events", {"gas_used": "-1"}, "rebalance_events_gas_used_check"),
    ("rebalance_events", {"gas_used": "'NaN'"}, "rebalance_events_gas_used_check"),
    (
        "analytics_snapshots",
        {"taken_at": "'2026-01-02T03:04:05.000Z'"},
        "analytics_snapshots_pkey",
    ),
    ("analytics_snapshots", {"portfolio_id": "'nobody'"}, "analytics_snapshots_portfolio_id_fkey"),
    ("analytics_snapshots", {"taken_at": "'soon'"}, None),
    ("analytics_snapshots", {"total_value": "NULL"}, "total_value"),
    ("analytics_snapshots", {"total_value": "-1"}, "analytics_snapshots_total_value_check"),
    ("analytics_snapshots", {"total_value": "'NaN'"}, "analytics_snapshots_total_value_check"),
    ("analytics_snapshots", {"allocations": "'1'"}, "analytics_snapshots_allocations_check"),
    ("analytics_snapshots", {"volatility": "-1"}, "analytics_snapshots_volatility_check"),
    ("analytics_snapshots", {"volatility": "'NaN'"}, "analytics_snapshots_volatility_check"),
    ("analytics_snapshots", {"max_drawdown": "-0.1"}, "analytics_snapshots_max_drawdown_check"),
    ("analytics_snapshots", {"max_drawdown": "1.1"}, "analytics_snapshots_max_drawdown_check"),
    ("analytics_snapshots", {"sharpe_ratio": "'NaN'"}, "analytics_snapshots_sharpe_ratio_check"),
    ("notification_preferences", {"user_id": "''"}, "notification_preferences_user_id_check"),
    ("notification_preferences", {"user_id": "'u1'"}, "notification_preferences_pkey"),
    (
        "notification_preferences",
        {"email_address": "NULL"},
        "notification_preferences_email_known",
    ),
    (
        "notification_preferences",
        {"email_address": "'nobody'"},
        "notification_preferences_email_address_check",
    ),
    (
        "notification_preferences",
        {"webhook_url": "NULL"},
        "notification_preferences_webhook_known",
    ),
    (
        "notification_preferences",
        {"webhook_url": "'http://example.com/hook'"},
        "notification_preferences_webhook_url_check",
    ),
    ("notification_preferences", {"on_failure": "2"}, None),
)


@dataclass(frozen=True, kw_only=True)
class Schema:
    """A database with the example's tables; every test's rows are rolled back."""

    dialect: Dialect
    run: Callable[[str], list[tuple[object, ...]]]

    def insert(self, table: str, changes: Row | None = None) -> None:
        """Insert a good row, with some values replaced."""
        row = {**_GOOD[table], **(changes or {})}
        names, values = ", ".join(row), ", ".join(row.values())
        self.run(f"INSERT INTO {table} ({names}) VALUES ({values})")


@pytest.fixture(scope="module", params=["postgresql", "sqlite"])
def migrated(
    request: pytest.FixtureRequest,
    servers: Servers,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[psycopg.Connection | sqlite3.Connection]:
    """A session on a database that the example's migrations made, without the demo data."""
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("example") / "app.db"
        _migrate(f"sqlite:///{path}")
        with closing(sqlite3.connect(path, isolation_level=None)) as file:
            file.execute("PRAGMA foreign_keys = ON")
            yield file
        return
    with servers.database(MAJORS[-1]) as database:
        _migrate(database.url)
        with closing(database.connect()) as connection:
            yield connection


def _migrate(url: str) -> None:
    banister.open(url, root=_BACKEND, environ={}, settings={"skip_tags": ["demo"]}).up()


@pytest.fixture
def schema(migrated: psycopg.Connection | sqlite3.Connection) -> Iterator[Schema]:
    """The migrated database inside a transaction that is rolled back."""

    def run(statement: str) -> list[tuple[object, ...]]:
        if isinstance(migrated, sqlite3.Connection):
            return migrated.execute(statement).fetchall()
        cursor = migrated.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []

    sqlite = isinstance(migrated, sqlite3.Connection)
    run("BEGIN")
    yield Schema(dialect=Dialect.SQLITE if sqlite else Dialect.POSTGRESQL, run=run)
    run("ROLLBACK")


def test_good_rows_are_taken_and_get_their_defaults(schema: Schema) -> None:
    for table in _GOOD:
        schema.insert(table)
    ((threshold, slippage, value, on),) = schema.run(
        "SELECT threshold, slippage_tolerance, total_value, auto_rebalance FROM portfolios"
    )
    assert (threshold, slippage, value, on) == (5, 1, 0, True)
    ((status, gas),) = schema.run("SELECT status, gas_used FROM rebalance_events")
    assert (status, gas) == ("pending", None)
    ((wanted, unwanted),) = schema.run(
        "SELECT on_rebalance, on_risk_change FROM notification_preferences"
    )
    assert (wanted, unwanted) == (True, False)


@pytest.mark.parametrize(
    ("table", "wrong", "broken"),
    [pytest.param(*case, id=f"{case[0]}-{'-'.join(case[1])}-{case[2]}") for case in _BAD],
)
def test_a_bad_row_is_rejected(schema: Schema, table: str, wrong: Row, broken: str | None) -> None:
    for each in _GOOD:
        schema.insert(each)
    if schema.dialect is Dialect.SQLITE:
        with pytest.raises(sqlite3.IntegrityError):
            schema.insert(table, {**_SECOND[table], **wrong})
        return
    with pytest.raises(psycopg.Error) as raised:
        schema.insert(table, {**_SECOND[table], **wrong})
    diag = raised.value.diag
    assert (diag.constraint_name or diag.column_name) == broken


def test_a_second_good_row_is_taken(schema: Schema) -> None:
    for table, keys in _SECOND.items():
        schema.insert(table)
        schema.insert(table, keys)
        assert schema.run(f"SELECT count(*) FROM {table}") == [(2,)]


def test_what_belongs_to_a_portfolio_goes_with_it(schema: Schema) -> None:
    for table in _GOOD:
        schema.insert(table)
    schema.run("DELETE FROM portfolios WHERE id = 'p1'")
    left = [schema.run(f"SELECT count(*) FROM {table}")[0][0] for table in _GOOD]
    assert dict(zip(_GOOD, left, strict=True)) == {
        "portfolios": 0,
        "rebalance_events": 0,
        "analytics_snapshots": 0,
        "notification_preferences": 1,
    }


def test_the_indexes_that_the_backend_relies_on_are_there(schema: Schema) -> None:
    if schema.dialect is Dialect.SQLITE:
        rows = schema.run("SELECT name FROM sqlite_master WHERE type = 'index'")
    else:
        rows = schema.run("SELECT indexname FROM pg_indexes")
    assert {name for (name,) in rows} >= {
        "portfolios_user_idx",
        "portfolios_due_idx",
        "rebalance_events_time_idx",
        "rebalance_events_portfolio_time_idx",
        "rebalance_events_one_open_idx",
        "analytics_snapshots_time_idx",
    }
