CREATE SCHEMA shop;
CREATE TABLE shop.accounts (
    id bigint PRIMARY KEY,
    name varchar(40) NOT NULL,
    balance integer
);
CREATE INDEX by_name ON shop.accounts (name);
