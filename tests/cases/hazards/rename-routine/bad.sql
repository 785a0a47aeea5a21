ALTER FUNCTION rating(bigint) RENAME TO rating_of; -- here
