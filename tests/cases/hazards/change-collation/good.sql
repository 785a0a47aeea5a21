ALTER TABLE accounts ADD COLUMN name_new character varying(40) COLLATE "C";
CREATE FUNCTION accounts_name_new_sync() RETURNS trigger LANGUAGE plpgsql AS $sync$
BEGIN
    NEW.name_new := NEW.name;
    RETURN NEW;
END
$sync$;
CREATE TRIGGER accounts_name_new_sync BEFORE INSERT OR UPDATE ON accounts
    FOR EACH ROW EXECUTE FUNCTION accounts_name_new_sync();
