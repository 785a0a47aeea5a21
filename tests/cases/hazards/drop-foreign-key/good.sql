-- A CHECK concerns one table alone.
ALTER TABLE accounts ADD CONSTRAINT owned CHECK (owner > 0) NOT VALID;
