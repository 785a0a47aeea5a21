CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
CREATE TABLE accounts (id bigint PRIMARY KEY, points positive);
