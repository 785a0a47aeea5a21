SET LOCAL TimeZone = 'Europe/Berlin';
ALTER TABLE accounts ALTER COLUMN opened TYPE timestamptz; -- here
