CREATE TABLE accounts (
    id bigint PRIMARY KEY,
    name varchar(40) NOT NULL,
    balance integer,
    opened timestamp NOT NULL
);
ALTER TABLE accounts ADD COLUMN twice integer GENERATED ALWAYS AS (balance % 1000 * 2) STORED;
