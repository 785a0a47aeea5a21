-- banister: tags=demo
-- A portfolio to look at, with a little history. Running it again changes nothing. Plain enough for
-- both databases.

INSERT INTO portfolios
    (id, user_id, name, allocations, threshold, slippage_tolerance, balances, total_value,
     created_at, updated_at, last_rebalance)
VALUES
    ('demo-portfolio-1', 'demo-user', 'Balanced (demo)',
     '{"XLM": 40, "USDC": 35, "BTC": 25}', 5, 1,
     '{"XLM": "16000.0000000", "USDC": "3500.0000000", "BTC": "0.0416667"}', 10000.00,
     '2026-01-05T09:00:00.000Z', '2026-01-19T09:00:12.000Z', '2026-01-19T09:00:12.000Z')
ON CONFLICT DO NOTHING;

INSERT INTO rebalance_events
    (id, portfolio_id, occurred_at, trigger_reason, status, trades, gas_used, error)
VALUES
    ('demo-rebalance-1', 'demo-portfolio-1', '2026-01-05T09:00:05.000Z', 'manual', 'completed',
     '[{"sell": "USDC", "buy": "XLM", "amount": "4000.0000000"},
       {"sell": "USDC", "buy": "BTC", "amount": "2500.0000000"}]', 0.0250000, NULL),
    ('demo-rebalance-2', 'demo-portfolio-1', '2026-01-12T09:00:03.000Z', 'schedule', 'failed',
     '[]', 0.0100000, 'the quoted price moved by more than 1 %'),
    ('demo-rebalance-3', 'demo-portfolio-1', '2026-01-19T09:00:12.000Z', 'threshold', 'completed',
     '[{"sell": "BTC", "buy": "USDC", "amount": "620.5000000"}]', 0.0125000, NULL)
ON CONFLICT DO NOTHING;
