CREATE TYPE pair AS (a integer, b integer);
CREATE FUNCTION one(pair) RETURNS integer LANGUAGE sql AS 'SELECT $1.a';
--> type pair: not expected
--> function one(public.pair): not expected
CREATE CAST (pair AS integer) WITH FUNCTION one(pair) AS ASSIGNMENT;
--> cast (public.pair AS integer): not expected
DROP CAST (pair AS integer);
CREATE CAST (pair AS integer) WITH FUNCTION one(pair);
--> cast (public.pair AS integer): context assignment → none
CREATE CAST (pair AS bigint) WITH INOUT AS IMPLICIT;
--> cast (public.pair AS bigint): not expected
DROP TYPE pair CASCADE;
--> type pair: missing
--> function one(public.pair): missing
--> cast (public.pair AS bigint): missing
--> cast (public.pair AS integer): missing
