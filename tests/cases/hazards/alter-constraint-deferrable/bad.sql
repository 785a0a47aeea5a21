ALTER TABLE accounts ALTER CONSTRAINT accounts_owner_fkey DEFERRABLE; -- here
