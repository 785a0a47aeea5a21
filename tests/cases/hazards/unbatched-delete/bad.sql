DELETE FROM portfolios; -- here
