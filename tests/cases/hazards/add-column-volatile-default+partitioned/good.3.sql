ALTER TABLE moves ADD CONSTRAINT moves_token_not_null NOT NULL token NOT VALID;
