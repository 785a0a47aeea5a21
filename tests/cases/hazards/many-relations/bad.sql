ALTER TABLE portfolios ADD COLUMN closed_at timestamptz;
ALTER TABLE positions ADD COLUMN closed_at timestamptz; -- here
