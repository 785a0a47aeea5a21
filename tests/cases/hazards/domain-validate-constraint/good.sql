ALTER TABLE accounts ADD CONSTRAINT accounts_points_small CHECK ((points < 2147483647)) NOT VALID;
