ALTER TABLE "Big Shop"."it's" ADD COLUMN "Twice" "Big Shop"."Even"; -- here
