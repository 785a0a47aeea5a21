REVOKE ALL ON portfolios FROM PUBLIC; -- here
