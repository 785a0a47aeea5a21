SET default_transaction_isolation = 'serializable'; -- here
ALTER TABLE portfolios ADD COLUMN closed_at timestamptz;
