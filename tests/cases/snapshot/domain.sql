CREATE DOMAIN email AS varchar(99) DEFAULT 'none' CHECK (VALUE LIKE '%@%');
--> domain email: not expected
ALTER DOMAIN email SET NOT NULL;
--> domain email: not null no → yes
ALTER DOMAIN email ADD CONSTRAINT short CHECK (length(VALUE) < 50) NOT VALID;
--> constraint short on email: not expected
ALTER DOMAIN email VALIDATE CONSTRAINT short;
ALTER DOMAIN email DROP NOT NULL;
ALTER DOMAIN email DROP DEFAULT;
COMMENT ON CONSTRAINT short ON DOMAIN email IS 'short';
--> domain email: not null yes → no
--> domain email: default 'none'::character varying → none
--> constraint short on email: definition CHECK ((length((VALUE)::text) < 50)) NOT VALID → CHECK ((length((VALUE)::text) < 50))
--> constraint short on email: comment none → short
ALTER DOMAIN email DROP CONSTRAINT short;
--> constraint short on email: missing
DROP DOMAIN email;
--> domain email: missing
