ALTER TYPE mood ADD VALUE 'bored';
INSERT INTO clients VALUES (1000000, 'bored'); -- here
