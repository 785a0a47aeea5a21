CREATE ACCESS METHOD btree2 TYPE INDEX HANDLER bthandler;
--> access method btree2: not expected
DROP ACCESS METHOD btree2;
CREATE ACCESS METHOD heap2 TYPE TABLE HANDLER heap_tableam_handler;
CREATE TABLE t (id integer) USING heap2;
--> access method btree2: missing
--> access method heap2: not expected
--> table t: not expected
DROP TABLE t;
DROP ACCESS METHOD heap2;
--> access method heap2: missing
--> table t: missing
