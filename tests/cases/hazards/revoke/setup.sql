CREATE TABLE portfolios (id bigint PRIMARY KEY, owner text NOT NULL);
GRANT SELECT ON portfolios TO PUBLIC;
