CREATE TABLE portfolios (id bigint PRIMARY KEY, owner text NOT NULL, rating int);
CREATE FUNCTION touched() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
