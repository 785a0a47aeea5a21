ALTER TABLE moves VALIDATE CONSTRAINT moves_token_not_null;
