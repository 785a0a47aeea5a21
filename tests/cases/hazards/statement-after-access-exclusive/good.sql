ALTER TABLE portfolios ADD COLUMN worth numeric;
