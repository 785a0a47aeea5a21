ALTER TABLE "Big Shop"."it's" VALIDATE CONSTRAINT "it's_user_new_not_null";
