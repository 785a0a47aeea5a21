ALTER TABLE shop.accounts DROP CONSTRAINT accounts_pkey;
DROP INDEX shop.by_name; -- here
