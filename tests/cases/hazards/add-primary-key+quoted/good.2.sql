ALTER TABLE "Big Shop"."it's" VALIDATE CONSTRAINT "it's_The Id_not_null";
