CREATE TABLE cards (id bigint PRIMARY KEY, owner integer);
