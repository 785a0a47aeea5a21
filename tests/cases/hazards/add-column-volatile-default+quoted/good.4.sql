ALTER TABLE "Big Shop"."it's" VALIDATE CONSTRAINT "it's_Token_not_null";
