-- The rows of all tables, and where generated ones can be put.
--
-- They run under an empty search_path, so that functions and operators can only be those of
-- pg_catalog, and that every name in a text that the server writes stands with its schema.

-- name: tables
-- Tables of users, partitions as their root alone, without those of extensions; with their columns
-- in order and the columns of the best key.
SELECT c.oid::int8, n.nspname::text, c.relname::text, c.relkind = 'p',
       CASE WHEN n.nspname = 'public' THEN '' ELSE quote_ident(n.nspname) || '.' END
       || quote_ident(c.relname),
       (SELECT coalesce(array_agg(a.attname::text ORDER BY a.attnum), '{}')
          FROM pg_catalog.pg_attribute a
         WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
           AND a.attgenerated = ''),
       (SELECT coalesce(array_agg(quote_ident(a.attname) ORDER BY a.attnum), '{}')
          FROM pg_catalog.pg_attribute a
         WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
           AND a.attgenerated = ''),
       (SELECT (SELECT array_agg(quote_ident(a.attname) ORDER BY k.place)
                  FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k (number, place)
                  JOIN pg_catalog.pg_attribute a
                    ON a.attrelid = c.oid AND a.attnum = k.number
                 WHERE k.place <= i.indnkeyatts)
          FROM pg_catalog.pg_index i
         WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL
           AND NOT EXISTS
               (SELECT FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k (number, place)
                  LEFT JOIN pg_catalog.pg_attribute a
                    ON a.attrelid = c.oid AND a.attnum = k.number
                 WHERE k.place <= i.indnkeyatts
                   AND (a.attnotnull IS NOT TRUE OR a.attgenerated <> ''))
         ORDER BY i.indisprimary DESC, i.indnkeyatts, i.indexrelid
         LIMIT 1)
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't'
   AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND NOT EXISTS
       (SELECT FROM pg_catalog.pg_depend d
         WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
 ORDER BY n.nspname, c.relname
