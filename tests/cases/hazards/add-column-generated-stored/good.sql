ALTER TABLE accounts ADD COLUMN twice integer GENERATED ALWAYS AS (((balance % 1000) * 2)) VIRTUAL;
