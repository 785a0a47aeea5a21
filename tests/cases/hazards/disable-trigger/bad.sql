ALTER TABLE portfolios DISABLE TRIGGER portfolios_touched; -- here
