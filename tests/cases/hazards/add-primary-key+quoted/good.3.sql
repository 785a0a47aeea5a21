-- banister: transaction=off
CREATE UNIQUE INDEX CONCURRENTLY "it's_pkey" ON "Big Shop"."it's" USING btree ("The Id");
