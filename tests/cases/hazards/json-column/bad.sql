ALTER TABLE portfolios ADD COLUMN settings json; -- here
