CREATE TABLE events_b PARTITION OF events FOR VALUES IN ('b', 'it''s, (c)', NULL); -- here
