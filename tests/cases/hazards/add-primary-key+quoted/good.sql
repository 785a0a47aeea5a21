ALTER TABLE "Big Shop"."it's" ADD CONSTRAINT "it's_The Id_not_null" NOT NULL "The Id" NOT VALID;
