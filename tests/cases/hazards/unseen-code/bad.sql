DO $$ -- here
DECLARE
    old record;
BEGIN
    FOR old IN SELECT id FROM portfolios WHERE owner LIKE 'old client %' LOOP
        DELETE FROM positions WHERE portfolio = old.id;
    END LOOP;
END
$$;
