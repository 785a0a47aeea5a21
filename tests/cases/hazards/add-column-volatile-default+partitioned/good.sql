ALTER TABLE moves ADD COLUMN token uuid;
ALTER TABLE moves ALTER COLUMN token SET DEFAULT gen_random_uuid();
