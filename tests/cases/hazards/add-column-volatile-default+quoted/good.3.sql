ALTER TABLE "Big Shop"."it's" ADD CONSTRAINT "it's_Token_not_null" NOT NULL "Token" NOT VALID;
