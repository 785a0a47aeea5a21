ALTER TABLE accounts ADD COLUMN owner_new bigint;
CREATE FUNCTION accounts_owner_new_sync() RETURNS trigger LANGUAGE plpgsql AS $sync$
BEGIN
    NEW.owner_new := NEW.owner;
    RETURN NEW;
END
$sync$;
CREATE TRIGGER accounts_owner_new_sync BEFORE INSERT OR UPDATE ON accounts
    FOR EACH ROW EXECUTE FUNCTION accounts_owner_new_sync();
