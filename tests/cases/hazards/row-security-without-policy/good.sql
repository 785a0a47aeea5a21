CREATE POLICY own ON portfolios USING (owner = current_user);
ALTER TABLE portfolios ENABLE ROW LEVEL SECURITY;
