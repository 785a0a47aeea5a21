CREATE TABLE owners (id integer PRIMARY KEY, name varchar(20) NOT NULL);
CREATE TABLE accounts (
    id bigint PRIMARY KEY,
    owner integer,
    name varchar(40) NOT NULL,
    balance integer,
    opened timestamp NOT NULL
);
CREATE INDEX accounts_name ON accounts (name);
CREATE TABLE moves (id bigint NOT NULL, amount integer) PARTITION BY RANGE (id);
CREATE TABLE moves_low PARTITION OF moves FOR VALUES FROM (MINVALUE) TO (0);
CREATE TABLE moves_high (id bigint NOT NULL, amount integer);
CREATE MATERIALIZED VIEW names AS SELECT name FROM owners;
CREATE DOMAIN positive AS integer;
CREATE TABLE points (id integer PRIMARY KEY, points positive);
