CREATE FUNCTION rating_of(of bigint) RETURNS int LANGUAGE sql AS 'SELECT rating(of)';
