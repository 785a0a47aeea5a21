ALTER TABLE accounts ADD COLUMN keeper integer DEFAULT 1 REFERENCES owners (id); -- here
