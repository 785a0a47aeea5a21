ALTER TABLE "Big Shop"."it's" ADD CONSTRAINT "it's_pkey" PRIMARY KEY USING INDEX "it's_pkey";
