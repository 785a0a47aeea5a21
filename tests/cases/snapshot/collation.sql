CREATE COLLATION plain (provider = libc, locale = 'C');
--> collation plain: not expected
ALTER COLLATION plain RENAME TO simple;
--> collation plain: missing
--> collation simple: not expected
DROP COLLATION simple;
--> collation simple: missing
