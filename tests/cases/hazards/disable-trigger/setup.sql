CREATE TABLE portfolios (id bigint PRIMARY KEY, owner text NOT NULL, rating int);
CREATE FUNCTION touched() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER portfolios_touched BEFORE UPDATE ON portfolios
    FOR EACH ROW EXECUTE FUNCTION touched();
