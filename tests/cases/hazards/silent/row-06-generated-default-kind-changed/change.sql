ALTER TABLE accounts ADD COLUMN twice integer GENERATED ALWAYS AS (balance % 1000 * 2);
ALTER TABLE accounts ADD COLUMN thrice integer GENERATED ALWAYS AS (balance % 1000 * 3) VIRTUAL;
