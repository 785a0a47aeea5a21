SET LOCAL TimeZone = 'UTC';
ALTER TABLE accounts ALTER COLUMN opened TYPE timestamp with time zone;
