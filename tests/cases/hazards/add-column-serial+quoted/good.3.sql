ALTER TABLE "Big Shop"."it's" ADD CONSTRAINT "it's_No._not_null" NOT NULL "No." NOT VALID;
