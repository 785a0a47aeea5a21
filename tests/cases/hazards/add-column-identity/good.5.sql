DO $identity$
BEGIN
    ALTER TABLE accounts ALTER COLUMN number DROP DEFAULT;
    EXECUTE format('ALTER TABLE accounts ALTER COLUMN number ADD GENERATED ALWAYS AS IDENTITY (START WITH %s)', nextval('accounts_number_fill'));
    DROP SEQUENCE accounts_number_fill;
END
$identity$;
