ALTER TABLE accounts ADD CONSTRAINT accounts_id_not_null NOT NULL id NOT VALID;
