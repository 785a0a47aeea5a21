DROP TRIGGER accounts_owner_new_sync ON accounts;
DROP FUNCTION accounts_owner_new_sync();
ALTER TABLE accounts RENAME COLUMN owner TO owner_old;
ALTER TABLE accounts RENAME COLUMN owner_new TO owner;
ALTER TABLE accounts ALTER COLUMN owner_old DROP NOT NULL;
