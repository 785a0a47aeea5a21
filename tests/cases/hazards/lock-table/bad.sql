LOCK TABLE portfolios; -- here
INSERT INTO portfolios (id, owner) VALUES (1000000, 'new');
