ALTER TABLE moves VALIDATE CONSTRAINT moves_amount_not_null;
