CREATE TYPE mood AS ENUM ('calm', 'keen');
CREATE TABLE clients (id bigint PRIMARY KEY, mood mood);
