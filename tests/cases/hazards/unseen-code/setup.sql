CREATE TABLE portfolios (id bigint PRIMARY KEY, owner text NOT NULL, rating int);
CREATE TABLE positions (id bigint PRIMARY KEY, portfolio bigint);
