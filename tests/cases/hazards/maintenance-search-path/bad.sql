SELECT 1;
CREATE INDEX by_spelling ON accounts (spelled(name)); -- here
