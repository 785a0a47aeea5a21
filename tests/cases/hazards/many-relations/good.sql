ALTER TABLE portfolios ADD COLUMN closed_at timestamptz;
