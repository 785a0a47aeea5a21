CREATE DOMAIN positive AS integer;
CREATE TABLE accounts (id bigint PRIMARY KEY, points positive, CHECK (points IS NOT NULL));
