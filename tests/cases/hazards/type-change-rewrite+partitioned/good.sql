ALTER TABLE moves ADD COLUMN amount_new bigint;
CREATE FUNCTION moves_amount_new_sync() RETURNS trigger LANGUAGE plpgsql AS $sync$
BEGIN
    NEW.amount_new := NEW.amount;
    RETURN NEW;
END
$sync$;
CREATE TRIGGER moves_amount_new_sync BEFORE INSERT OR UPDATE ON moves
    FOR EACH ROW EXECUTE FUNCTION moves_amount_new_sync();
