ALTER TABLE accounts ADD CONSTRAINT accounts_number_not_null NOT NULL number NOT VALID;
