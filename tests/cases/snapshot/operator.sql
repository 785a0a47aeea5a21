CREATE OPERATOR === (LEFTARG = integer, RIGHTARG = integer, FUNCTION = int4eq, COMMUTATOR = ===,
    RESTRICT = eqsel, JOIN = eqjoinsel, HASHES, MERGES);
--> operator === (integer, integer): not expected
ALTER OPERATOR === (integer, integer) SET (RESTRICT = NONE);
--> operator === (integer, integer): restrict eqsel → none
CREATE OPERATOR !!! (RIGHTARG = integer, FUNCTION = int4um);
--> operator !!! (NONE, integer): not expected
DROP OPERATOR === (integer, integer);
DROP OPERATOR !!! (NONE, integer);
--> operator !!! (NONE, integer): missing
--> operator === (integer, integer): missing
