ALTER TABLE moves DROP COLUMN amount; -- here
