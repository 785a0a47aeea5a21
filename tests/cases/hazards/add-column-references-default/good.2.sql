ALTER TABLE accounts ADD CONSTRAINT accounts_keeper_fkey FOREIGN KEY (keeper) REFERENCES owners(id) NOT VALID;
