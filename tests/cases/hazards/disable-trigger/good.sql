CREATE OR REPLACE FUNCTION touched() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('app.quiet', true) = 'on' THEN RETURN NEW; END IF;
    RETURN NEW;
END
$$;
