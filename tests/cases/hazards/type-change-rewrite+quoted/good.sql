ALTER TABLE "Big Shop"."it's" ADD COLUMN user_new character varying(10);
CREATE FUNCTION "Big Shop"."it's_user_new_sync"() RETURNS trigger LANGUAGE plpgsql AS $sync$
BEGIN
    NEW.user_new := NEW."user"::character varying(10);
    RETURN NEW;
END
$sync$;
CREATE TRIGGER "it's_user_new_sync" BEFORE INSERT OR UPDATE ON "Big Shop"."it's"
    FOR EACH ROW EXECUTE FUNCTION "Big Shop"."it's_user_new_sync"();
