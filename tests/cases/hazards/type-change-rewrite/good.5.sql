DROP TRIGGER accounts_balance_new_sync ON accounts;
DROP FUNCTION accounts_balance_new_sync();
ALTER TABLE accounts RENAME COLUMN balance TO balance_old;
ALTER TABLE accounts RENAME COLUMN balance_new TO balance;
ALTER TABLE accounts ALTER COLUMN balance_old DROP NOT NULL;
ALTER TABLE accounts ALTER COLUMN balance SET DEFAULT 0;
