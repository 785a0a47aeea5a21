ALTER TABLE accounts VALIDATE CONSTRAINT accounts_points_small;
