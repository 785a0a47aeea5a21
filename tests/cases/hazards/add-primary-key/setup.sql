CREATE TABLE accounts (
    id bigint,
    name varchar(40) NOT NULL,
    balance integer,
    opened timestamp NOT NULL
);
