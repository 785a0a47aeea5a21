-- since: 17
CREATE TABLE t (id integer);
--> table t: not expected
REVOKE DELETE ON t FROM postgres;
--> table t: grants none → owner: INSERT, MAINTAIN, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE
REVOKE ALL ON t FROM postgres;
--> table t: grants owner: INSERT, MAINTAIN, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE → owner: none
GRANT ALL ON t TO postgres;
GRANT CREATE ON SCHEMA public TO reader;
--> schema public: grants PUBLIC: USAGE → PUBLIC: USAGE; reader: CREATE
--> table t: grants owner: none → none
REVOKE CREATE ON SCHEMA public FROM reader;
DROP TABLE t;
--> schema public: grants PUBLIC: USAGE; reader: CREATE → PUBLIC: USAGE
--> table t: missing
