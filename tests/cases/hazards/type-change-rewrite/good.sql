ALTER TABLE accounts ADD COLUMN balance_new bigint;
CREATE FUNCTION accounts_balance_new_sync() RETURNS trigger LANGUAGE plpgsql AS $sync$
BEGIN
    NEW.balance_new := NEW.balance;
    RETURN NEW;
END
$sync$;
CREATE TRIGGER accounts_balance_new_sync BEFORE INSERT OR UPDATE ON accounts
    FOR EACH ROW EXECUTE FUNCTION accounts_balance_new_sync();
