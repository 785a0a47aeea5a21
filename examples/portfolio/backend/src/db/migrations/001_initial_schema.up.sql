-- Portfolios, what was done to them, how they stood, and who wants to hear of it.

CREATE TABLE portfolios (
    id                  text           PRIMARY KEY CHECK (id <> ''),
    user_id             text           NOT NULL CHECK (user_id <> ''),
    name                text           NOT NULL CHECK (name <> ''),
    -- Asset → target share in per cent.
    allocations         jsonb          NOT NULL CHECK (jsonb_typeof(allocations) = 'object'),
    -- Rebalance once an asset is off its target by this many percentage points.
    threshold           numeric(5, 2)  NOT NULL DEFAULT 5
                                       CHECK (threshold > 0 AND threshold <= 50),
    -- The worst price, in per cent below the quoted one, that a trade may take.
    slippage_tolerance  numeric(5, 2)  NOT NULL DEFAULT 1
                                       CHECK (slippage_tolerance BETWEEN 0 AND 10),
    auto_rebalance      boolean        NOT NULL DEFAULT TRUE,
    -- Asset → amount held.
    balances            jsonb          NOT NULL DEFAULT '{}'
                                       CHECK (jsonb_typeof(balances) = 'object'),
    total_value         numeric(24, 8) NOT NULL DEFAULT 0
                                       CHECK (total_value >= 0 AND total_value <> 'NaN'),
    created_at          timestamptz    NOT NULL DEFAULT now(),
    updated_at          timestamptz    NOT NULL DEFAULT now(),
    last_rebalance      timestamptz,
    CONSTRAINT portfolios_updated_after_created CHECK (updated_at >= created_at)
);

CREATE INDEX portfolios_user_idx ON portfolios (user_id);
-- The scheduler's question: which portfolios are to be looked at next?
CREATE INDEX portfolios_due_idx ON portfolios (last_rebalance NULLS FIRST) WHERE auto_rebalance;

CREATE TABLE rebalance_events (
    id              text           PRIMARY KEY CHECK (id <> ''),
    portfolio_id    text           NOT NULL REFERENCES portfolios (id) ON DELETE CASCADE,
    occurred_at     timestamptz    NOT NULL DEFAULT now(),
    trigger_reason  text           NOT NULL
                                   CHECK (trigger_reason IN ('threshold', 'schedule', 'manual',
                                                             'risk')),
    status          text           NOT NULL DEFAULT 'pending'
                                   CHECK (status IN ('pending', 'executing', 'completed', 'failed',
                                                     'cancelled')),
    -- [{"sell": asset, "buy": asset, "amount": text}, …] in the order they were made.
    trades          jsonb          NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(trades) = 'array'),
    gas_used        numeric(24, 8) CHECK (gas_used >= 0 AND gas_used <> 'NaN'),
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
    portfolio_id  text           NOT NULL REFERENCES portfolios (id) ON DELETE CASCADE,
    taken_at      timestamptz    NOT NULL DEFAULT now(),
    total_value   numeric(24, 8) NOT NULL
                                 CHECK (total_value >= 0 AND total_value <> 'NaN'),
    allocations   jsonb          NOT NULL CHECK (jsonb_typeof(allocations) = 'object'),
    -- Risk over the 30 days before; NULL while there is too little history.
    volatility    numeric(10, 6) CHECK (volatility >= 0 AND volatility <> 'NaN'),
    max_drawdown  numeric(7, 6)  CHECK (max_drawdown BETWEEN 0 AND 1),
    sharpe_ratio  numeric(10, 6) CHECK (sharpe_ratio <> 'NaN'),
    PRIMARY KEY (portfolio_id, taken_at)
);

CREATE INDEX analytics_snapshots_time_idx ON analytics_snapshots (taken_at DESC);

CREATE TABLE notification_preferences (
    user_id          text        PRIMARY KEY CHECK (user_id <> ''),
    email_enabled    boolean     NOT NULL DEFAULT FALSE,
    email_address    text        CHECK (email_address LIKE '_%@_%'),
    webhook_enabled  boolean     NOT NULL DEFAULT FALSE,
    webhook_url      text        CHECK (webhook_url LIKE 'https://_%'),
    on_rebalance     boolean     NOT NULL DEFAULT TRUE,
    on_failure       boolean     NOT NULL DEFAULT TRUE,
    on_risk_change   boolean     NOT NULL DEFAULT FALSE,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT notification_preferences_email_known
        CHECK (NOT email_enabled OR email_address IS NOT NULL),
    CONSTRAINT notification_preferences_webhook_known
        CHECK (NOT webhook_enabled OR webhook_url IS NOT NULL)
);
