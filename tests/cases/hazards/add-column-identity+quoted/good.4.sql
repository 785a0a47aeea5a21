ALTER TABLE "Big Shop"."it's" VALIDATE CONSTRAINT "it's_No._not_null";
