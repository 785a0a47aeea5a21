ALTER TABLE "Big Shop"."it's" ADD COLUMN "Token" uuid NOT NULL DEFAULT gen_random_uuid(); -- here
