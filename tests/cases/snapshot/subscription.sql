CREATE SUBSCRIPTION s CONNECTION 'dbname=nowhere password=secret' PUBLICATION p, q
    WITH (connect = false, slot_name = NONE);
--> subscription s: not expected
ALTER SUBSCRIPTION s SET (binary = true, synchronous_commit = local);
--> subscription s: synchronous commit off → local
--> subscription s: binary no → yes
DROP SUBSCRIPTION s;
--> subscription s: missing
