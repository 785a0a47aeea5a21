CREATE TABLE accounts (
    id bigint PRIMARY KEY,
    name varchar(40) NOT NULL,
    balance integer,
    opened timestamp NOT NULL
);
CREATE VIEW rich AS SELECT id, balance FROM accounts WHERE balance > 1000;
