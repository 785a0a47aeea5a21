COMMENT ON POLICY own ON portfolios IS 'each sees what is theirs';
