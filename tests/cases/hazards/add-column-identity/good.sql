ALTER TABLE accounts ADD COLUMN number bigint;
CREATE SEQUENCE accounts_number_fill;
ALTER TABLE accounts ALTER COLUMN number SET DEFAULT nextval('accounts_number_fill');
