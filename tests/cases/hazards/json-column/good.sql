ALTER TABLE portfolios ADD COLUMN settings jsonb;
