CREATE TABLE portfolios (id bigint PRIMARY KEY, owner text NOT NULL);
CREATE VIEW rated AS SELECT id, owner FROM portfolios;
CREATE VIEW rated_owners AS SELECT owner FROM rated;
