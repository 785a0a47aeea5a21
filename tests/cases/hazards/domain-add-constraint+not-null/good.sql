ALTER TABLE accounts ADD CONSTRAINT accounts_points_positive_not_null CHECK (points IS NOT NULL) NOT VALID;
