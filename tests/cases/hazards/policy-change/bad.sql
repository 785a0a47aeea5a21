ALTER POLICY own ON portfolios USING (rating > 0); -- here
DROP POLICY own ON portfolios; -- here
