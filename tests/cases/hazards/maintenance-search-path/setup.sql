CREATE TABLE accounts (id bigint PRIMARY KEY, name text);
CREATE TABLE spellings (name text PRIMARY KEY, spelled text);
CREATE FUNCTION spelled(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS
    'BEGIN RETURN (SELECT s.spelled FROM spellings AS s WHERE s.name = $1); END';
INSERT INTO accounts VALUES (1, 'one');
