CREATE TABLE m (id integer, at date NOT NULL, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE m1 PARTITION OF m FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE m2 (id integer NOT NULL, at date NOT NULL);
--> table m: not expected
--> table m1: not expected
--> table m2: not expected
ALTER TABLE m ATTACH PARTITION m2 FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
--> table m2: partition of none → public.m FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')
--> constraint m2_pkey on m2: not expected
CREATE INDEX m_at ON m (at);
--> index m_at: not expected
--> index m1_at_idx: not expected
--> index m2_at_idx: not expected
CREATE TABLE r (id integer, at date, FOREIGN KEY (id, at) REFERENCES m);
--> table r: not expected
ALTER TABLE m DETACH PARTITION m2;
--> table m2: partition of public.m FOR VALUES FROM ('2025-01-01') TO ('2026-01-01') → none
--> constraint m2_pkey on m2: inherited yes → no
--> index m2_at_idx: attached to public.m_at → none
DROP TABLE r;
DROP TABLE m;
DROP TABLE m2;
--> table m: missing
--> table m1: missing
--> table m2: missing
--> table r: missing
