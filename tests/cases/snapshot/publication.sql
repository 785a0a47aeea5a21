CREATE TABLE t (id integer PRIMARY KEY, x integer);
CREATE PUBLICATION p FOR TABLE t;
--> table t: not expected
--> publication p: not expected
ALTER PUBLICATION p SET (publish = 'insert, update', publish_via_partition_root = true);
--> publication p: publish insert, update, delete, truncate → insert, update
--> publication p: via partition root no → yes
CREATE PUBLICATION everything FOR ALL TABLES;
--> publication everything: not expected
ALTER PUBLICATION p DROP TABLE t;
--> publication p: tables public.t → none
DROP PUBLICATION p;
DROP PUBLICATION everything;
DROP TABLE t;
--> table t: missing
--> publication everything: missing
--> publication p: missing
