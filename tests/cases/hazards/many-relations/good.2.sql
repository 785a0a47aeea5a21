ALTER TABLE positions ADD COLUMN closed_at timestamptz;
