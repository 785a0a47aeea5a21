ALTER TABLE accounts ALTER COLUMN number DROP DEFAULT;
ALTER TABLE accounts ALTER COLUMN number ADD GENERATED ALWAYS AS IDENTITY;
SELECT setval(pg_get_serial_sequence('accounts', 'number'), nextval('accounts_number_fill'), false);
DROP SEQUENCE accounts_number_fill;
