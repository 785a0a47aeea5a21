ALTER TABLE "Big Shop"."it's" ADD PRIMARY KEY ("The Id"); -- here
