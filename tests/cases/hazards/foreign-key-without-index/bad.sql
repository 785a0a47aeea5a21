CREATE TABLE fresh (owner bigint REFERENCES owners);
ALTER TABLE accounts ADD FOREIGN KEY (keeper) REFERENCES owners;
ALTER TABLE accounts ADD FOREIGN KEY (payer) REFERENCES owners NOT VALID; -- here
ALTER TABLE accounts ADD COLUMN maker bigint REFERENCES owners ON DELETE CASCADE; -- here
ALTER TABLE accounts ADD FOREIGN KEY (owner) REFERENCES owners NOT VALID;
CREATE INDEX ON accounts (owner);
