COMMENT ON TRIGGER portfolios_touched ON portfolios IS 'the first of all';
