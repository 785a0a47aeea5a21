-- One look at the history, in one message: three results behind statements that give none. The names
-- are the defaults: whoever has set others takes the ordinary way. The transaction stays open for
-- rows.sql, and ends with the connection.
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SET LOCAL row_security = off;
SET LOCAL lock_timeout = '1s';
SET LOCAL SESSION AUTHORIZATION DEFAULT;
SET LOCAL role TO DEFAULT;
-- The tables are exactly those that Banister makes.
SELECT c.relname,
       c.relkind OPERATOR(pg_catalog.=) 'r' AND NOT c.relrowsecurity,
       EXISTS (SELECT FROM pg_catalog.pg_index i
                 JOIN pg_catalog.pg_attribute a
                   ON a.attrelid OPERATOR(pg_catalog.=) i.indrelid
                  AND a.attnum OPERATOR(pg_catalog.=) i.indkey[0]
                WHERE i.indrelid OPERATOR(pg_catalog.=) c.oid
                  AND i.indisunique AND i.indisvalid AND i.indpred IS NULL
                  AND i.indnkeyatts OPERATOR(pg_catalog.=) 1
                  AND a.attname OPERATOR(pg_catalog.=)
                      CASE c.relname WHEN 'schema_migrations' THEN 'version' ELSE 'id' END),
       (SELECT pg_catalog.string_agg(
                   a.attname::pg_catalog.text OPERATOR(pg_catalog.||) ' '
                   OPERATOR(pg_catalog.||) a.atttypid::pg_catalog.int4::pg_catalog.text,
                   ',' ORDER BY a.attnum)
          FROM pg_catalog.pg_attribute a
         WHERE a.attrelid OPERATOR(pg_catalog.=) c.oid
           AND a.attnum OPERATOR(pg_catalog.>) 0 AND NOT a.attisdropped)
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
 WHERE n.nspname OPERATOR(pg_catalog.=) 'public'
   AND c.relname OPERATOR(pg_catalog.=) ANY (ARRAY['schema_migrations', 'schema_migrations_log'])
 ORDER BY c.relname;
SELECT version, name, up_checksum FROM public.schema_migrations;
-- Whether something is half done.
SELECT count(*)
  FROM public.schema_migrations_log b
 WHERE b.event OPERATOR(pg_catalog.=) 'started'
   AND NOT EXISTS (SELECT FROM public.schema_migrations_log e
                    WHERE e.version OPERATOR(pg_catalog.=) b.version
                      AND e.id OPERATOR(pg_catalog.>) b.id
                      AND e.event OPERATOR(pg_catalog.=)
                          ANY (ARRAY['applied', 'rolled_back', 'baselined']));
