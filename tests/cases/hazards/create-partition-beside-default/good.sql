ALTER TABLE events_rest ADD CONSTRAINT others CHECK (NOT (kind IS NULL OR kind IN ('b', 'it''s, (c)'))) NOT VALID;
