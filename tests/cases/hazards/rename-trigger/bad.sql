ALTER TRIGGER portfolios_touched ON portfolios RENAME TO a_touched; -- here
