ALTER TABLE accounts ALTER COLUMN short TYPE varchar(40);
ALTER TABLE accounts ALTER COLUMN long TYPE text;
ALTER TABLE accounts ALTER COLUMN amount TYPE numeric(12, 2);
ALTER TABLE accounts ALTER COLUMN net TYPE inet;
ALTER TABLE accounts ALTER COLUMN note TYPE text;
ALTER TABLE accounts ALTER COLUMN short TYPE text USING short::text;
