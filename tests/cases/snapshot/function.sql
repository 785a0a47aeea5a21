CREATE FUNCTION f(a integer, b text DEFAULT 'x') RETURNS integer LANGUAGE sql AS 'SELECT a';
--> function f(integer, text): not expected
CREATE OR REPLACE FUNCTION f(a integer, b text DEFAULT 'x') RETURNS integer LANGUAGE sql
    IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF COST 7 SECURITY DEFINER SET search_path = public AS 'SELECT a';
--> function f(integer, text): volatility none → immutable
--> function f(integer, text): strict no → yes
--> function f(integer, text): security none → definer
--> function f(integer, text): leakproof no → yes
--> function f(integer, text): parallel none → safe
--> function f(integer, text): cost none → 7
--> function f(integer, text): settings none → search_path=public
CREATE OR REPLACE FUNCTION f(a integer, b text DEFAULT 'y') RETURNS integer LANGUAGE sql
    AS 'SELECT a + 1';
--> function f(integer, text): arguments a integer, b text DEFAULT 'x'::text → a integer, b text DEFAULT 'y'::text
--> function f(integer, text): volatility immutable → none
--> function f(integer, text): strict yes → no
--> function f(integer, text): security definer → none
--> function f(integer, text): leakproof yes → no
--> function f(integer, text): parallel safe → none
--> function f(integer, text): cost 7 → none
--> function f(integer, text): settings search_path=public → none
--> function f(integer, text): body SELECT a → SELECT a + 1
CREATE OR REPLACE FUNCTION f(a integer, b text DEFAULT 'y') RETURNS integer LANGUAGE sql
    AS E'SELECT a\r\n + 1 -- one';
--> function f(integer, text): body changed (wording only)
CREATE OR REPLACE FUNCTION f(a integer, b text DEFAULT 'y') RETURNS integer LANGUAGE sql
    RETURN a + 2;
--> function f(integer, text): body changed
DROP FUNCTION f(integer, text);
CREATE FUNCTION f(a integer, OUT b text, VARIADIC c integer[]) RETURNS SETOF text LANGUAGE plpgsql ROWS 5
    AS 'BEGIN RETURN; END';
--> function f(integer, integer[]): not expected
--> function f(integer, text): missing
ALTER FUNCTION f(integer, integer[]) RENAME TO g;
--> function f(integer, integer[]): missing
--> function g(integer, integer[]): not expected
DROP FUNCTION g(integer, integer[]);
--> function g(integer, integer[]): missing
