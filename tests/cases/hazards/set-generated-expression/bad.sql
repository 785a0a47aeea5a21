ALTER TABLE accounts ALTER COLUMN twice SET EXPRESSION AS (balance % 1000 + 2); -- here
