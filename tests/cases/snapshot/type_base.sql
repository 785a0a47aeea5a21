CREATE TYPE thing;
--> type thing: not expected
CREATE FUNCTION thing_in(cstring) RETURNS thing LANGUAGE internal IMMUTABLE STRICT AS 'textin';
CREATE FUNCTION thing_out(thing) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
--> function thing_in(cstring): not expected
--> function thing_out(public.thing): not expected
CREATE TYPE thing (INPUT = thing_in, OUTPUT = thing_out, LIKE = text, CATEGORY = 'X', DEFAULT = 'none');
--> type thing: variety shell → base
--> type thing: default none → none
--> type thing: definition none → input public.thing_in, output public.thing_out, length -1, alignment i, storage x, category X, delimiter ,
ALTER TYPE thing SET (STORAGE = external);
--> type thing: definition changed
DROP TYPE thing CASCADE;
--> type thing: missing
--> function thing_in(cstring): missing
--> function thing_out(public.thing): missing
