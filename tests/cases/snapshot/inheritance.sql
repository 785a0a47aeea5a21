CREATE TABLE base (id integer, CONSTRAINT positive CHECK (id > 0));
CREATE TABLE more (extra text) INHERITS (base);
--> table base: not expected
--> table more: not expected
ALTER TABLE base ADD COLUMN added integer DEFAULT 1;
--> column base.added: not expected
--> column more.added: not expected
ALTER TABLE more ALTER added SET DEFAULT 2;
--> column more.added: default 1 → 2
ALTER TABLE more NO INHERIT base;
--> table more: inherits public.base → none
--> column more.added: inherited yes → no
--> column more.id: inherited yes → no
--> constraint positive on more: inherited yes → no
DROP TABLE more;
DROP TABLE base;
--> table base: missing
--> table more: missing
