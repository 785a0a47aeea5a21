ALTER TABLE accounts VALIDATE CONSTRAINT accounts_balance_not_null;
