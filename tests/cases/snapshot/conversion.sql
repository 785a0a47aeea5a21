CREATE CONVERSION c FOR 'UTF8' TO 'LATIN1' FROM utf8_to_iso8859_1;
--> conversion c: not expected
ALTER CONVERSION c RENAME TO d;
--> conversion c: missing
--> conversion d: not expected
DROP CONVERSION d;
--> conversion d: missing
