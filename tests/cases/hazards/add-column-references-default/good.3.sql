ALTER TABLE accounts VALIDATE CONSTRAINT accounts_keeper_fkey;
