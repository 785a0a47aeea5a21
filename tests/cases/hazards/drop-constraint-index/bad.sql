DROP INDEX by_name;
ALTER TABLE accounts DROP CONSTRAINT accounts_pkey; -- here
