CREATE SCHEMA "Big Shop";
CREATE DOMAIN "Big Shop"."Even" AS integer CHECK (VALUE % 2 = 0 OR VALUE::text = 'VALUE');
CREATE TABLE "Big Shop"."it's" (
    "The Id" bigint NOT NULL,
    "user" varchar(20) NOT NULL DEFAULT 'it''s',
    amount integer
);
