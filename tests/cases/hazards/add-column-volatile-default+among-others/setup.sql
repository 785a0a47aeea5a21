CREATE TABLE accounts (
    id bigint PRIMARY KEY,
    name varchar(40) NOT NULL,
    balance integer,
    opened timestamp NOT NULL
);
