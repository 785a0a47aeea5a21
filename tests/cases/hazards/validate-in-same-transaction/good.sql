ALTER TABLE accounts ADD CONSTRAINT named CHECK (((name)::text <> ''::text)) NOT VALID;
