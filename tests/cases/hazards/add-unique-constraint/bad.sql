ALTER TABLE accounts ADD CONSTRAINT one_name UNIQUE (name); -- here
