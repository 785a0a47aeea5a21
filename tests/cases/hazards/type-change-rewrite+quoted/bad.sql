ALTER TABLE "Big Shop"."it's" ALTER COLUMN "user" TYPE varchar(10) USING left("user", 10); -- here
