CREATE TABLE owners (id integer PRIMARY KEY, name text NOT NULL);
CREATE TABLE accounts (
    id bigint PRIMARY KEY,
    owner integer NOT NULL,
    balance integer
);
INSERT INTO owners VALUES (1, 'the house');
