ALTER TABLE accounts ADD COLUMN cents integer;
CREATE FUNCTION accounts_cents_sync() RETURNS trigger LANGUAGE plpgsql AS $sync$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.cents IS NULL THEN NEW.cents := NEW.balance; ELSE NEW.balance := NEW.cents; END IF;
    ELSIF NEW.cents IS DISTINCT FROM OLD.cents THEN
        NEW.balance := NEW.cents;
    ELSE
        NEW.cents := NEW.balance;
    END IF;
    RETURN NEW;
END
$sync$;
CREATE TRIGGER accounts_cents_sync BEFORE INSERT OR UPDATE ON accounts
    FOR EACH ROW EXECUTE FUNCTION accounts_cents_sync();
