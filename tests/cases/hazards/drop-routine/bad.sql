DROP FUNCTION rating(bigint); -- here
