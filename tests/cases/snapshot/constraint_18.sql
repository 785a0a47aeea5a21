-- since: 18
CREATE TABLE t (id integer, x integer CONSTRAINT must NOT NULL, y integer);
CREATE TABLE u (id integer PRIMARY KEY);
--> table t: not expected
--> table u: not expected
ALTER TABLE t ADD CONSTRAINT low CHECK (id < 9) NOT ENFORCED,
    ADD CONSTRAINT t_u FOREIGN KEY (id) REFERENCES u NOT ENFORCED;
--> constraint low on t: not expected
--> constraint t_u on t: not expected
ALTER TABLE t ALTER CONSTRAINT t_u ENFORCED;
--> constraint t_u on t: definition FOREIGN KEY (id) REFERENCES public.u(id) NOT ENFORCED → FOREIGN KEY (id) REFERENCES public.u(id)
ALTER TABLE t ADD CONSTRAINT y_set NOT NULL y NOT VALID;
--> column t.y: not null none → not valid
--> column t.y: not null constraint none → y_set
ALTER TABLE t VALIDATE CONSTRAINT y_set;
ALTER TABLE t RENAME CONSTRAINT must TO "Must";
COMMENT ON CONSTRAINT "Must" ON t IS 'why';
--> column t.x: not null constraint must → "Must"
--> column t.x: comment on not null none → why
--> column t.y: not null not valid → yes
DROP TABLE t;
DROP TABLE u;
--> table t: missing
--> table u: missing
