CREATE TRIGGER portfolios_touched BEFORE UPDATE ON portfolios -- here
    FOR EACH ROW EXECUTE FUNCTION touched();
