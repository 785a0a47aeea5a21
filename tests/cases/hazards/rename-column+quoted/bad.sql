ALTER TABLE "Big Shop"."it's" RENAME COLUMN "user" TO "User"; -- here
