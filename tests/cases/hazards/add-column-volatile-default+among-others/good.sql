ALTER TABLE accounts ADD COLUMN drawn double precision;
ALTER TABLE accounts ALTER COLUMN drawn SET DEFAULT random();
