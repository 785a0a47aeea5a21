ALTER TABLE portfolios ENABLE ROW LEVEL SECURITY; -- here
CREATE POLICY own ON portfolios USING (owner = current_user);
