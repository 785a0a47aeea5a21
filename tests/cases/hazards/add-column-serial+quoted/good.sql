ALTER TABLE "Big Shop"."it's" ADD COLUMN "No." bigint;
CREATE SEQUENCE "Big Shop"."it's_No._seq" AS bigint OWNED BY "Big Shop"."it's"."No.";
ALTER TABLE "Big Shop"."it's" ALTER COLUMN "No." SET DEFAULT nextval('"Big Shop"."it''s_No._seq"');
