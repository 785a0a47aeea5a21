INSERT INTO clients VALUES (1000000, 'bored');
