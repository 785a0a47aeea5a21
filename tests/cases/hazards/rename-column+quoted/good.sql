ALTER TABLE "Big Shop"."it's" ADD COLUMN "User" character varying(20);
CREATE FUNCTION "Big Shop"."it's_User_sync"() RETURNS trigger LANGUAGE plpgsql AS $sync$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW."User" IS NULL THEN NEW."User" := NEW."user"; ELSE NEW."user" := NEW."User"; END IF;
    ELSIF NEW."User" IS DISTINCT FROM OLD."User" THEN
        NEW."user" := NEW."User";
    ELSE
        NEW."User" := NEW."user";
    END IF;
    RETURN NEW;
END
$sync$;
CREATE TRIGGER "it's_User_sync" BEFORE INSERT OR UPDATE ON "Big Shop"."it's"
    FOR EACH ROW EXECUTE FUNCTION "Big Shop"."it's_User_sync"();
