DROP TRIGGER portfolios_touched ON portfolios; -- here
CREATE TRIGGER portfolios_touched BEFORE INSERT OR UPDATE ON portfolios
    FOR EACH ROW EXECUTE FUNCTION touched();
