ALTER TABLE accounts ADD CONSTRAINT accounts_balance_new_not_null NOT NULL balance_new NOT VALID;
