DO $$ BEGIN -- here
    EXECUTE 'CREATE INDEX CONCURRENTLY by_name ON accounts (name)';
END $$;
