-- The first step: rows can be written without the column.
ALTER TABLE accounts ALTER COLUMN opened DROP NOT NULL;
