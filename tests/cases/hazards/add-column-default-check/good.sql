ALTER TABLE accounts ADD COLUMN points integer DEFAULT 3;
ALTER TABLE accounts ADD CONSTRAINT accounts_points_check CHECK ((points > 0)) NOT VALID;
