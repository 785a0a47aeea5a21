UPDATE portfolios SET rating = 3 WHERE id = 1;
DELETE FROM positions WHERE id = -1;
INSERT INTO portfolios (id, owner) VALUES (1000000, 'new');
