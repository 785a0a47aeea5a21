ALTER TABLE portfolios SET (fillfactor = 70); -- here
ALTER TABLE portfolios ALTER COLUMN owner SET STATISTICS 500; -- here
CREATE STATISTICS portfolios_both (dependencies) ON owner, rating FROM portfolios; -- here
