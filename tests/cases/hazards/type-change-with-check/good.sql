ALTER TABLE accounts DROP CONSTRAINT named;
ALTER TABLE accounts ALTER COLUMN name TYPE text;
ALTER TABLE accounts ADD CONSTRAINT named CHECK (((name)::text <> ''::text)) NOT VALID;
