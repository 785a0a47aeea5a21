ALTER TABLE "Big Shop"."it's" ADD COLUMN "No." bigserial; -- here
