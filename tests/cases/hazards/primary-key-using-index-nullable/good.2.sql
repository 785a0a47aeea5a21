ALTER TABLE accounts VALIDATE CONSTRAINT accounts_id_not_null;
