ALTER TABLE "Big Shop"."it's" ADD COLUMN "No." bigint;
CREATE SEQUENCE "Big Shop"."it's_No._fill";
ALTER TABLE "Big Shop"."it's" ALTER COLUMN "No." SET DEFAULT nextval('"Big Shop"."it''s_No._fill"');
