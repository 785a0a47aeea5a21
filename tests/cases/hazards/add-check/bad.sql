ALTER TABLE accounts ADD CONSTRAINT named CHECK (name <> ''); -- here
