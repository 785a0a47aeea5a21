ALTER TABLE accounts ADD CONSTRAINT accounts_key PRIMARY KEY USING INDEX accounts_key; -- here
