ALTER TABLE "Big Shop"."it's" ADD CONSTRAINT "it's_user_new_not_null" NOT NULL user_new NOT VALID;
