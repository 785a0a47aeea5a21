-- banister: transaction=off
CREATE INDEX CONCURRENTLY ON events_2024 (kind);
