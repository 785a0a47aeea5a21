CREATE INDEX by_kind ON events (kind); -- here
