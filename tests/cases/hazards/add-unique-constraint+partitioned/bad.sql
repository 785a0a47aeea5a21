ALTER TABLE moves ADD CONSTRAINT one UNIQUE (id); -- here
