ALTER TABLE accounts ALTER COLUMN twice DROP EXPRESSION;
CREATE FUNCTION accounts_twice_sync() RETURNS trigger LANGUAGE plpgsql AS $sync$
BEGIN
    NEW.twice := (SELECT ((balance % 1000) + 2) FROM (SELECT NEW.*) AS written);
    RETURN NEW;
END
$sync$;
CREATE TRIGGER accounts_twice_sync BEFORE INSERT OR UPDATE ON accounts
    FOR EACH ROW EXECUTE FUNCTION accounts_twice_sync();
