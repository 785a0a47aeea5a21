-- A deferrable one can be put off for the transactions that need it.
ALTER TABLE accounts ALTER CONSTRAINT accounts_owner_fkey DEFERRABLE;
