-- The column stays, and is a plain one.
ALTER TABLE accounts ALTER COLUMN twice DROP EXPRESSION;
