CREATE TABLE accounts (
    id bigint PRIMARY KEY,
    name varchar(40) NOT NULL,
    balance integer,
    opened timestamp NOT NULL
);
CREATE FUNCTION always_seven() RETURNS integer LANGUAGE sql VOLATILE AS 'SELECT 7';
