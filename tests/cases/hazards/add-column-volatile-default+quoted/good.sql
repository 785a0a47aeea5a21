ALTER TABLE "Big Shop"."it's" ADD COLUMN "Token" uuid;
ALTER TABLE "Big Shop"."it's" ALTER COLUMN "Token" SET DEFAULT gen_random_uuid();
