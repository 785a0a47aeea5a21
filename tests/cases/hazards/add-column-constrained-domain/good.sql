ALTER TABLE accounts
    ADD COLUMN points integer,
    ADD CONSTRAINT points_positive_check CHECK ((points > 0)) NOT VALID;
