CREATE TABLE owners (id bigint PRIMARY KEY, name text NOT NULL);
CREATE TABLE accounts (id bigint PRIMARY KEY, owner bigint, keeper bigint, payer bigint);
CREATE INDEX accounts_keeper ON accounts (keeper, id);
CREATE INDEX accounts_payer ON accounts (payer) WHERE payer > 0;
INSERT INTO owners VALUES (1, 'one');
