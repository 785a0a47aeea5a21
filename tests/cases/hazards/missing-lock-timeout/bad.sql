-- banister: lock_timeout=60min
ALTER TABLE portfolios ADD COLUMN closed_at timestamptz; -- here
