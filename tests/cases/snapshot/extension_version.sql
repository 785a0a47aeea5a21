CREATE EXTENSION citext VERSION '1.4';
--> extension citext: not expected
ALTER EXTENSION citext UPDATE TO '1.5';
--> extension citext: version 1.4 → 1.5
DROP EXTENSION citext;
--> extension citext: missing
