DO $$ -- here
BEGIN
    DELETE FROM portfolios WHERE owner = 'nobody';
END
$$;
