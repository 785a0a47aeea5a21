CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
CREATE TABLE accounts (id bigint PRIMARY KEY, points positive);
ALTER DOMAIN positive ADD CONSTRAINT small CHECK (VALUE < 2147483647) NOT VALID;
