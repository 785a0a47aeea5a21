ALTER TABLE accounts VALIDATE CONSTRAINT accounts_number_not_null;
