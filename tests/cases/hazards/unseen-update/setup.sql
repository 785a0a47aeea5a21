CREATE TABLE portfolios (id bigint PRIMARY KEY, owner text NOT NULL, rating int);
