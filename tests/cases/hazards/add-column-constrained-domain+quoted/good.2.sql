ALTER TABLE "Big Shop"."it's" VALIDATE CONSTRAINT "Twice_Even_check";
