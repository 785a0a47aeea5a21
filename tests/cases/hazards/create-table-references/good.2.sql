ALTER TABLE cards ADD FOREIGN KEY (owner) REFERENCES owners (id);
