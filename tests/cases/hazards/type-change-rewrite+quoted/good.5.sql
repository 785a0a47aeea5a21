DROP TRIGGER "it's_user_new_sync" ON "Big Shop"."it's";
DROP FUNCTION "Big Shop"."it's_user_new_sync"();
ALTER TABLE "Big Shop"."it's" RENAME COLUMN "user" TO user_old;
ALTER TABLE "Big Shop"."it's" RENAME COLUMN user_new TO "user";
ALTER TABLE "Big Shop"."it's" ALTER COLUMN user_old DROP NOT NULL;
ALTER TABLE "Big Shop"."it's" ALTER COLUMN "user" SET DEFAULT 'it''s'::character varying;
