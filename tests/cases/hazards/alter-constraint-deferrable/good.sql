CREATE TABLE cards (id bigint PRIMARY KEY, owner integer REFERENCES owners (id) DEFERRABLE);
