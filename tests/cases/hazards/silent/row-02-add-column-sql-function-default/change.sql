ALTER TABLE accounts ADD COLUMN points integer DEFAULT always_seven();
ALTER TABLE accounts ADD COLUMN more integer NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN at timestamptz DEFAULT now();
