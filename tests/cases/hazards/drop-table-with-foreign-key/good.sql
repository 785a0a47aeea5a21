ALTER TABLE accounts DROP CONSTRAINT accounts_owner_fkey;
