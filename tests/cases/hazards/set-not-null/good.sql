ALTER TABLE accounts ADD CONSTRAINT accounts_balance_not_null NOT NULL balance NOT VALID;
