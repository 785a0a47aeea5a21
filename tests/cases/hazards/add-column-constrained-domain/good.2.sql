ALTER TABLE accounts VALIDATE CONSTRAINT points_positive_check;
