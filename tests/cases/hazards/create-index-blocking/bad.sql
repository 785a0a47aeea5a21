CREATE TABLE fresh (id bigint);
CREATE INDEX ON fresh (id);
CREATE UNIQUE INDEX by_name ON accounts (lower(name)) WHERE balance > 0; -- here
