ALTER TABLE "Big Shop"."it's"
    ADD COLUMN "Twice" integer,
    ADD CONSTRAINT "Twice_Even_check" CHECK (((("Twice" % 2) = 0) OR (("Twice")::text = 'VALUE'::text))) NOT VALID;
