CREATE TABLE portfolios (id bigint PRIMARY KEY, owner text NOT NULL, rating int);
CREATE TABLE old_portfolios (id bigint NOT NULL, owner text NOT NULL, rating int);
