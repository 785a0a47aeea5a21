ALTER TABLE old_portfolios INHERIT portfolios; -- here
