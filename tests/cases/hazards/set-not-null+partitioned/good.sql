ALTER TABLE moves ADD CONSTRAINT moves_amount_not_null NOT NULL amount NOT VALID;
