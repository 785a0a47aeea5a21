ALTER TABLE accounts ADD CONSTRAINT accounts_name_new_not_null NOT NULL name_new NOT VALID;
