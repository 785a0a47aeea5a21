ALTER TABLE accounts -- here
    ADD COLUMN kind integer NOT NULL DEFAULT 0,
    ADD COLUMN at timestamptz DEFAULT now(),
    ADD COLUMN drawn double precision DEFAULT random();
