CREATE TABLE portfolios (id bigint PRIMARY KEY, owner text NOT NULL, rating int);
CREATE VIEW rated AS SELECT id, owner FROM portfolios WHERE rating IS NOT NULL;
