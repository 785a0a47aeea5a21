ALTER TABLE accounts ADD COLUMN points integer DEFAULT 3 CHECK (points > 0); -- here
