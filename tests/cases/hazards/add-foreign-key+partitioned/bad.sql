ALTER TABLE moves ADD CONSTRAINT owned FOREIGN KEY (owner) REFERENCES owners (id); -- here
