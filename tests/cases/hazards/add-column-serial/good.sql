ALTER TABLE accounts ADD COLUMN number integer;
CREATE SEQUENCE accounts_number_seq AS integer OWNED BY accounts.number;
ALTER TABLE accounts ALTER COLUMN number SET DEFAULT nextval('accounts_number_seq');
