CREATE INDEX by_kind ON ONLY events (kind);
CREATE INDEX events_2024_kind ON ONLY events_2024 (kind);
