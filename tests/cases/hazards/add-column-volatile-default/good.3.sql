ALTER TABLE accounts ADD CONSTRAINT accounts_token_not_null NOT NULL token NOT VALID;
