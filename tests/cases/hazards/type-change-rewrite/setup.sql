CREATE TABLE accounts (
    id bigint PRIMARY KEY,
    name varchar(40) NOT NULL,
    balance integer NOT NULL DEFAULT 0,
    opened timestamp NOT NULL
);
