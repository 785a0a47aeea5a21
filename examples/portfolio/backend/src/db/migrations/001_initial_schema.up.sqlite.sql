-- The same schema for SQLite: JSON, times and flags are text and integers that the checks keep
-- true, and numbers are asked for their type, since any text counts as greater than any number.

CREATE TABLE portfolios (
    id                  text    PRIMARY KEY NOT NULL CHECK (id <> ''),
    user_id             text    NOT NULL CHECK (user_id <> ''),
    name                text    NOT NULL CHECK (name <> ''),
    -- Asset → target share in per cent.
    allocations         text    NOT NULL
                                CHECK (json_valid(allocations)
                                       AND json_type(allocations) = 'object'),
    -- Rebalance once an asset is off its target by this many percentage points.
    threshold           numeric NOT NULL DEFAULT 5 CHECK (threshold > 0 AND threshold <= 50),
    -- The worst price, in per cent below the quoted one, that a trade may take.
    slippage_tolerance  numeric NOT NULL DEFAULT 1 CHECK (slippage_tolerance BETWEEN 0 AND 10),
    auto_rebalance      integer NOT NULL DEFAULT TRUE CHECK (auto_rebalance IN (0, 1)),
    -- Asset → amount held.
    balances            text    NOT NULL DEFAULT '{}'
                                CHECK (json_valid(balances) AND json_type(balances) = 'object'),
    total_value         numeric NOT NULL DEFAULT 0
                                CHECK (typeof(total_value) IN ('integer', 'real')
                                       AND total_value >= 0),
    created_at          text    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
                                CHECK (julianday(created_at) IS NOT NULL),
    updated_at          text    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
                                CHECK (julianday(updated_at) IS NOT NULL),
    last_rebalance      text    CHECK (last_rebalance IS NULL
                                       OR julianday(last_rebalance) IS NOT NULL),
    CONSTRAINT portfolios_updated_after_created
        CHECK (julianday(updated_at) >= julianday(created_at))
);

CREATE INDEX portfolios_user_idx ON portfolios (user_id);
-- The scheduler's question: which portfolios are to be looked at next? (NULL sorts first here.)
CREATE INDEX portfolios_due_idx ON portfolios (last_rebalance) WHERE auto_rebalance;

CREATE TABLE rebalance_events (
    id              text    PRIMARY KEY NOT NULL CHECK (id <> ''),
    portfolio_id    text    NOT NULL REFERENCES portfolios (id) ON DELETE CASCADE,
    occurred_at     text    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
                            CHECK (julianday(occurred_at) IS NOT NULL),
    trigger_reason  text    NOT NULL
                            CHECK (trigger_reason IN ('threshold', 'schedule', 'manual', 'risk')),
    status          text    NOT NULL DEFAULT 'pending'
                            CHECK (status IN ('pending', 'executing', 'completed', 'failed',
                                              'cancelled')),
    -- [{"sell": asset, "buy": asset, "amount": text}, …] in the order they were made.
    trades          text    NOT NULL DEFAULT '[]'
                            CHECK (json_valid(trades) AND json_type(trades) = 'array'),
    gas_used        numeric CHECK (typeof(gas_used) NOT IN ('text', 'blob') AND gas_used >= 0),
    error           text,
    CONSTRAINT rebalance_events_error_when_failed CHECK ((status = 'failed') = (error IS NOT NULL))
);

CREATE INDEX rebalance_events_time_idx ON rebalance_events (occurred_at DESC);
CREATE INDEX rebalance_events_portfolio_time_idx
    ON rebalance_events (portfolio_id, occurred_at DESC);
-- Two rebalances of one portfolio at the same time would trade against each other.
CREATE UNIQUE INDEX rebalance_events_one_open_idx
    ON rebalance_events (portfolio_id) WHERE status IN ('pending', 'executing');

CREATE TABLE analytics_snapshots (
    portfolio_id  text    NOT NULL REFERENCES portfolios (id) ON DELETE CASCADE,
    taken_at      text    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
                          CHECK (julianday(taken_at) IS NOT NULL),
    total_value   numeric NOT NULL
                          CHECK (typeof(total_value) IN ('integer', 'real') AND total_value >= 0),
    allocations   text    NOT NULL
                          CHECK (json_valid(allocations) AND json_type(allocations) = 'object'),
    -- Risk over the 30 days before; NULL while there is too little history.
    volatility    numeric CHECK (typeof(volatility) NOT IN ('text', 'blob') AND volatility >= 0),
    max_drawdown  numeric CHECK (max_drawdown BETWEEN 0 AND 1),
    sharpe_ratio  numeric CHECK (typeof(sharpe_ratio) NOT IN ('text', 'blob')),
    PRIMARY KEY (portfolio_id, taken_at)
);

CREATE INDEX analytics_snapshots_time_idx ON analytics_snapshots (taken_at DESC);

CREATE TABLE notification_preferences (
    user_id          text    PRIMARY KEY NOT NULL CHECK (user_id <> ''),
    email_enabled    integer NOT NULL DEFAULT FALSE CHECK (email_enabled IN (0, 1)),
    email_address    text    CHECK (email_address LIKE '_%@_%'),
    webhook_enabled  integer NOT NULL DEFAULT FALSE CHECK (webhook_enabled IN (0, 1)),
    webhook_url      text    CHECK (webhook_url LIKE 'https://_%'),
    on_rebalance     integer NOT NULL DEFAULT TRUE CHECK (on_rebalance IN (0, 1)),
    on_failure       integer NOT NULL DEFAULT TRUE CHECK (on_failure IN (0, 1)),
    on_risk_change   integer NOT NULL DEFAULT FALSE CHECK (on_risk_change IN (0, 1)),
    created_at       text    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
                             CHECK (julianday(created_at) IS NOT NULL),
    updated_at       text    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
                             CHECK (julianday(updated_at) IS NOT NULL),
    CONSTRAINT notification_preferences_email_known
        CHECK (NOT email_enabled OR email_address IS NOT NULL),
    CONSTRAINT notification_preferences_webhook_known
        CHECK (NOT webhook_enabled OR webhook_url IS NOT NULL)
);
