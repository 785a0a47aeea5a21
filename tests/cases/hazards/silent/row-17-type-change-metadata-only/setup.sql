CREATE DOMAIN plain AS text;
CREATE TABLE accounts (
    id bigint PRIMARY KEY,
    short varchar(20),
    long varchar,
    amount numeric(10, 2),
    net cidr,
    note plain
);
CREATE INDEX accounts_short ON accounts (short);
