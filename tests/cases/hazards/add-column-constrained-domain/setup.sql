CREATE TABLE accounts (
    id bigint PRIMARY KEY,
    name varchar(40) NOT NULL,
    balance integer,
    opened timestamp NOT NULL
);
CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
