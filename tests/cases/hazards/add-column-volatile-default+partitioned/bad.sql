ALTER TABLE moves ADD COLUMN token uuid NOT NULL DEFAULT gen_random_uuid(); -- here
