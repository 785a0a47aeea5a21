ALTER TABLE accounts ADD CONSTRAINT accounts_owner_new_not_null NOT NULL owner_new NOT VALID;
