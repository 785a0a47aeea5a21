DROP TRIGGER accounts_name_new_sync ON accounts;
DROP FUNCTION accounts_name_new_sync();
ALTER TABLE accounts RENAME COLUMN name TO name_old;
ALTER TABLE accounts RENAME COLUMN name_new TO name;
ALTER TABLE accounts ALTER COLUMN name_old DROP NOT NULL;
