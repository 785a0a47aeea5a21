-- banister: transaction=off
CREATE INDEX CONCURRENTLY events_2024_a_kind ON events_2024_a (kind);
