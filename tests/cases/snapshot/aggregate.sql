CREATE AGGREGATE total(integer) (SFUNC = int4pl, STYPE = integer, INITCOND = '0');
--> aggregate total(integer): not expected
CREATE OR REPLACE AGGREGATE total(integer) (SFUNC = int4pl, STYPE = integer, INITCOND = '5', PARALLEL = SAFE);
--> aggregate total(integer): definition state integer, function int4pl, initial '0' → state integer, function int4pl, initial '5'
--> aggregate total(integer): parallel none → safe
CREATE AGGREGATE number(*) (SFUNC = int8inc, STYPE = bigint, INITCOND = '0', MSFUNC = int8inc,
    MINVFUNC = int8dec, MSTYPE = bigint, MINITCOND = '0');
--> aggregate number(*): not expected
DROP AGGREGATE total(integer);
DROP AGGREGATE number(*);
--> aggregate number(*): missing
--> aggregate total(integer): missing
