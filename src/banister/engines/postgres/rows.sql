-- The rows of all tables, and where generated ones can be put.
--
-- They run under an empty search_path, so that functions and operators can only be those of
-- pg_catalog, and that every name in a text that the server writes stands with its schema.

-- name: tables
-- Tables of users, partitions as their root alone, without those of extensions; with their columns
-- in order, the columns of the best key, and the query for their rows: values as texts, in the order
-- of the texts of the key, or of all columns.
SELECT c.oid::int8, n.nspname::text, c.relname::text,
       CASE WHEN n.nspname = 'public' THEN '' ELSE quote_ident(n.nspname) || '.' END
       || quote_ident(c.relname),
       o.columns, k.columns,
       format('SELECT %s FROM %s %I.%I %s', o.cells,
              CASE c.relkind WHEN 'p' THEN '' ELSE 'ONLY' END, n.nspname, c.relname,
              'ORDER BY ' || coalesce(
                  (SELECT string_agg(array_position(o.columns, name)::text, ', ' ORDER BY place)
                     FROM unnest(k.columns) WITH ORDINALITY AS y (name, place)),
                  o.places))
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(quote_ident(a.attname) ORDER BY a.attnum), '{}') AS columns,
           string_agg(format('%I::pg_catalog.text COLLATE "C"', a.attname), ', '
                      ORDER BY a.attnum) AS cells,
           string_agg(a.place::text, ', ' ORDER BY a.attnum) AS places
      FROM (SELECT a.attname, a.attnum, row_number() OVER (ORDER BY a.attnum) AS place
              FROM pg_catalog.pg_attribute a
             WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
               AND a.attgenerated = '') AS a
 ) AS o
  LEFT JOIN LATERAL (
    SELECT (SELECT array_agg(quote_ident(a.attname) ORDER BY k.place)
              FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k (number, place)
              JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number
             WHERE k.place <= i.indnkeyatts) AS columns
      FROM pg_catalog.pg_index i
     WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL
       AND NOT EXISTS
           (SELECT FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k (number, place)
              LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number
             WHERE k.place <= i.indnkeyatts
               AND (a.attnotnull IS NOT TRUE OR a.attgenerated <> ''))
     ORDER BY i.indisprimary DESC, i.indnkeyatts, i.indexrelid
     LIMIT 1
 ) AS k ON true
 WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't'
   AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   -- Rows of a partition that is a foreign table would be read from, or written to, its server.
   AND NOT EXISTS
       (SELECT FROM pg_catalog.pg_partition_tree(c.oid) p
          JOIN pg_catalog.pg_class f ON f.oid = p.relid
         WHERE f.relkind = 'f')
   AND NOT EXISTS
       (SELECT FROM pg_catalog.pg_depend d
         WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
 ORDER BY n.nspname, c.relname

-- name: shapes
-- The columns that take values: of domains the type behind, and their conditions.
SELECT c.oid::int8, a.attname::text, format_type(a.atttypid, a.atttypmod),
       format_type(b.oid, b.modifier), NOT (a.attnotnull OR b.not_null),
       EXISTS (SELECT FROM pg_catalog.pg_index i
                WHERE i.indrelid = c.oid AND i.indisunique
                  AND a.attnum = ANY (i.indkey::int2[])),
       CASE b.typtype
         WHEN 'e' THEN (SELECT coalesce(array_agg(e.enumlabel::text ORDER BY e.enumsortorder), '{}')
                          FROM pg_catalog.pg_enum e WHERE e.enumtypid = b.oid)
         WHEN 'c' THEN (SELECT ARRAY['(' || repeat(',', count(*)::int - 1) || ')']
                          FROM pg_catalog.pg_type t JOIN pg_catalog.pg_attribute p
                            ON p.attrelid = t.typrelid AND p.attnum > 0 AND NOT p.attisdropped
                         WHERE t.oid = b.oid)
         WHEN 'r' THEN CASE WHEN b.oid >= 16384 THEN ARRAY['empty'] ELSE '{}' END
         ELSE '{}'::text[]
       END,
       b.conditions
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_attribute a
    ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
 CROSS JOIN LATERAL (
    WITH RECURSIVE behind AS (
        SELECT t.oid, t.typtype, t.typbasetype, t.typtypmod, t.typnotnull AND t.typtype = 'd' AS n,
               a.atttypmod AS modifier, 0 AS depth
          FROM pg_catalog.pg_type t WHERE t.oid = a.atttypid
        UNION ALL
        SELECT t.oid, t.typtype, t.typbasetype, t.typtypmod,
               o.n OR (t.typnotnull AND t.typtype = 'd'), o.typtypmod, o.depth + 1
          FROM behind o JOIN pg_catalog.pg_type t ON t.oid = o.typbasetype
         WHERE o.typtype = 'd'
    )
    SELECT o.oid, o.typtype, o.modifier, o.n AS not_null,
           (SELECT coalesce(array_agg(pg_get_expr(k.conbin, 0)), '{}')
              FROM behind d JOIN pg_catalog.pg_constraint k
                ON k.contypid = d.oid AND k.contype = 'c') AS conditions
      FROM behind o ORDER BY o.depth DESC LIMIT 1
 ) AS b
 WHERE c.oid = ANY (%(tables)s::oid[])
 ORDER BY c.oid, a.attnum

-- name: checks
-- Conditions on rows; those of a partitioned table's partitions as one.
SELECT k.conrelid::int8, k.conname::text, pg_get_expr(k.conbin, k.conrelid),
       (SELECT coalesce(array_agg(a.attname::text), '{}') FROM pg_catalog.pg_attribute a
         WHERE a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey))
  FROM pg_catalog.pg_constraint k
 WHERE k.contype = 'c' AND k.conrelid = ANY (%(tables)s::oid[])
UNION ALL
SELECT r.oid::int8, 'the partitions',
       (SELECT string_agg(
                   '(' || coalesce(pg_get_partition_constraintdef(p.relid), 'true') || ')', ' OR ')
          FROM pg_partition_tree(r.oid) AS p WHERE p.isleaf AND p.relid <> r.oid),
       (SELECT coalesce(array_agg(a.attname::text), '{}') FROM pg_catalog.pg_attribute a
         WHERE a.attrelid = r.oid AND a.attnum = ANY (k.partattrs::int2[]))
  FROM pg_catalog.pg_class r
  JOIN pg_catalog.pg_partitioned_table k ON k.partrelid = r.oid
 WHERE r.oid = ANY (%(tables)s::oid[])

-- name: references
SELECT k.conrelid::int8, k.confrelid::int8,
       (SELECT array_agg(a.attname::text ORDER BY n.place)
          FROM unnest(k.conkey) WITH ORDINALITY AS n (number, place)
          JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = n.number),
       (SELECT array_agg(a.attname::text ORDER BY n.place)
          FROM unnest(k.confkey) WITH ORDINALITY AS n (number, place)
          JOIN pg_catalog.pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = n.number)
  FROM pg_catalog.pg_constraint k
 WHERE k.contype = 'f' AND k.conparentid = 0 AND k.conrelid = ANY (%(tables)s::oid[])
 ORDER BY k.conrelid, k.conname
