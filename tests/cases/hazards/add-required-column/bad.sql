ALTER TABLE accounts ADD COLUMN points integer NOT NULL; -- here
