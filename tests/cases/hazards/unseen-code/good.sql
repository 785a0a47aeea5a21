DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_type WHERE typname = 'mood') THEN
        CREATE TYPE mood AS ENUM ('calm', 'hasty');
    END IF;
END
$$;
