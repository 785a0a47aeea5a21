CREATE TABLE a (id integer, x integer, y int4range);
CREATE TABLE b (id integer, a integer);
--> table a: not expected
--> table b: not expected
ALTER TABLE a ADD PRIMARY KEY (id), ADD CONSTRAINT x_positive CHECK (x > 0) NOT VALID;
--> column a.id: not null no → yes
--> constraint a_pkey on a: not expected
--> constraint x_positive on a: not expected
ALTER TABLE a VALIDATE CONSTRAINT x_positive, ADD CONSTRAINT x_once UNIQUE (x) DEFERRABLE;
--> constraint x_once on a: not expected
--> constraint x_positive on a: definition CHECK ((x > 0)) NOT VALID → CHECK ((x > 0))
ALTER TABLE b ADD CONSTRAINT b_a FOREIGN KEY (a) REFERENCES a ON DELETE CASCADE;
--> constraint b_a on b: not expected
ALTER TABLE b ALTER CONSTRAINT b_a DEFERRABLE INITIALLY DEFERRED;
--> constraint b_a on b: definition FOREIGN KEY (a) REFERENCES public.a(id) ON DELETE CASCADE → FOREIGN KEY (a) REFERENCES public.a(id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
ALTER TABLE a ADD CONSTRAINT apart EXCLUDE USING gist (y WITH &&) WHERE (x > 3);
--> constraint apart on a: not expected
ALTER INDEX x_once SET (fillfactor = 50);
COMMENT ON INDEX x_once IS 'once';
--> constraint x_once on a: options none → fillfactor=50
--> constraint x_once on a: comment on index none → once
ALTER TABLE a RENAME CONSTRAINT x_positive TO positive;
--> constraint positive on a: not expected
--> constraint x_positive on a: missing
ALTER TABLE a DROP CONSTRAINT apart, DROP CONSTRAINT x_once, DROP CONSTRAINT positive;
--> constraint apart on a: missing
--> constraint positive on a: missing
--> constraint x_once on a: missing
DROP TABLE b;
DROP TABLE a;
--> table a: missing
--> table b: missing
