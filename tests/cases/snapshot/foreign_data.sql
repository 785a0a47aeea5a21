CREATE FOREIGN DATA WRAPPER w OPTIONS (debug 'true');
CREATE SERVER far TYPE 'x' VERSION '1' FOREIGN DATA WRAPPER w OPTIONS (host 'h', api_key 'k');
--> foreign data wrapper w: not expected
--> server far: not expected
ALTER SERVER far VERSION '2' OPTIONS (SET host 'i');
--> server far: version 1 → 2
--> server far: foreign options api_key=***; host=h → api_key=***; host=i
CREATE USER MAPPING FOR reader SERVER far OPTIONS (user 'u', password 'p');
--> user mapping for reader server far: not expected
ALTER USER MAPPING FOR reader SERVER far OPTIONS (SET user 'v');
--> user mapping for reader server far: foreign options password=***; user=u → password=***; user=v
CREATE FOREIGN TABLE ft (id integer OPTIONS (key_column 'true') NOT NULL, x text) SERVER far OPTIONS (remote 'r');
--> foreign table ft: not expected
ALTER FOREIGN TABLE ft OPTIONS (SET remote 's');
--> foreign table ft: foreign options remote=r → remote=s
ALTER FOREIGN DATA WRAPPER w OPTIONS (SET debug 'false');
GRANT USAGE ON FOREIGN SERVER far TO reader;
--> foreign data wrapper w: foreign options debug=true → debug=false
--> server far: grants none → reader: USAGE
DROP FOREIGN TABLE ft;
--> foreign table ft: missing
DROP FOREIGN DATA WRAPPER w CASCADE;
--> foreign data wrapper w: missing
--> server far: missing
--> user mapping for reader server far: missing
