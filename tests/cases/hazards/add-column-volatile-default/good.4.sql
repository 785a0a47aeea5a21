ALTER TABLE accounts VALIDATE CONSTRAINT accounts_token_not_null;
