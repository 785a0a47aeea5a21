ALTER TABLE accounts ADD CONSTRAINT named CHECK (name <> '') NOT VALID;
ALTER TABLE accounts VALIDATE CONSTRAINT named; -- here
