ALTER TABLE portfolios ADD COLUMN earlier_rating int;
