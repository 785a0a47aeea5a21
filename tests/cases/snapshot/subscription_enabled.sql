CREATE SUBSCRIPTION s CONNECTION 'dbname=nowhere' PUBLICATION p
    WITH (connect = false, slot_name = gone);
--> subscription s: not expected
ALTER SUBSCRIPTION s ENABLE;
--> subscription s: enabled no → yes
ALTER SUBSCRIPTION s DISABLE;
--> subscription s: enabled yes → no
ALTER SUBSCRIPTION s SET (slot_name = NONE);
DROP SUBSCRIPTION s;
--> subscription s: missing
