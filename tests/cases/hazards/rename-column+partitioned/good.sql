ALTER TABLE moves ADD COLUMN cents integer;
CREATE FUNCTION moves_cents_sync() RETURNS trigger LANGUAGE plpgsql AS $sync$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.cents IS NULL THEN NEW.cents := NEW.amount; ELSE NEW.amount := NEW.cents; END IF;
    ELSIF NEW.cents IS DISTINCT FROM OLD.cents THEN
        NEW.amount := NEW.cents;
    ELSE
        NEW.cents := NEW.amount;
    END IF;
    RETURN NEW;
END
$sync$;
CREATE TRIGGER moves_cents_sync BEFORE INSERT OR UPDATE ON moves
    FOR EACH ROW EXECUTE FUNCTION moves_cents_sync();
