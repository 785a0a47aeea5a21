-- Rows that a statement is about to take away.

-- name: parts
-- The tables that hold the rows of a table, with what tells their rows apart.
SELECT c.oid::pg_catalog.int8, n.nspname::pg_catalog.text, c.relname::pg_catalog.text,
    COALESCE((SELECT pg_catalog.array_agg(a.attname::pg_catalog.text ORDER BY k.place)
        FROM pg_catalog.pg_index AS i
        CROSS JOIN LATERAL pg_catalog.unnest(i.indkey) WITH ORDINALITY AS k (number, place)
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = k.number
        WHERE i.indrelid = c.oid AND i.indisprimary), '{}'),
    (SELECT pg_catalog.array_agg(a.attname::pg_catalog.text ORDER BY a.attnum)
        FROM pg_catalog.pg_attribute AS a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
            AND a.attgenerated = '')
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND (
    c.oid = pg_catalog.to_regclass(%(table)s)
    OR c.oid IN (SELECT t.relid
        FROM pg_catalog.pg_partition_tree(pg_catalog.to_regclass(%(table)s)) AS t WHERE t.isleaf)
    OR (%(with_children)s AND c.oid IN (
        WITH RECURSIVE below AS (
            SELECT i.inhrelid FROM pg_catalog.pg_inherits AS i
            WHERE i.inhparent = pg_catalog.to_regclass(%(table)s)
            UNION SELECT i.inhrelid FROM pg_catalog.pg_inherits AS i
            JOIN below AS b ON i.inhparent = b.inhrelid)
        SELECT b.inhrelid FROM below AS b)))
ORDER BY 2, 3

-- name: deleted
-- Rows that were taken out of each table, in this transaction and in those before it that the server
-- has not yet told others of. What moves to another partition is not gone; of what is inserted into a
-- partitioned table at the same time nothing tells it apart.
SELECT c.oid::pg_catalog.int8,
    pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname),
    pg_catalog.pg_stat_get_xact_tuples_deleted(c.oid)
        - CASE WHEN c.relispartition AND pg_catalog.pg_stat_get_xact_tuples_deleted(c.oid) > 0 THEN (
            SELECT pg_catalog.sum(pg_catalog.pg_stat_get_xact_tuples_inserted(t.relid))
            FROM pg_catalog.pg_partition_tree(pg_catalog.pg_partition_root(c.oid)) AS t
            WHERE t.isleaf) ELSE 0 END
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND c.oid >= 16384
ORDER BY 2

-- name: size
-- Bytes of a table's rows, with those stored out of line.
SELECT pg_catalog.pg_table_size(pg_catalog.to_regclass(%(table)s))

-- name: quiet
-- Rows come in the order in which they lie, one after the other, and values in the form that says
-- the same whatever a file has set.
SELECT pg_catalog.set_config('synchronize_seqscans', 'off', true),
    pg_catalog.set_config('max_parallel_workers_per_gather', '0', true),
    pg_catalog.set_config('enable_indexscan', 'off', true),
    pg_catalog.set_config('enable_indexonlyscan', 'off', true),
    pg_catalog.set_config('enable_bitmapscan', 'off', true),
    pg_catalog.set_config('datestyle', 'ISO, YMD', true),
    pg_catalog.set_config('intervalstyle', 'postgres', true),
    pg_catalog.set_config('extra_float_digits', '3', true),
    pg_catalog.set_config('bytea_output', 'hex', true)

-- name: settings
SELECT pg_catalog.current_setting('synchronize_seqscans'),
    pg_catalog.current_setting('max_parallel_workers_per_gather'),
    pg_catalog.current_setting('enable_indexscan'),
    pg_catalog.current_setting('enable_indexonlyscan'),
    pg_catalog.current_setting('enable_bitmapscan'),
    pg_catalog.current_setting('datestyle'),
    pg_catalog.current_setting('intervalstyle'),
    pg_catalog.current_setting('extra_float_digits'),
    pg_catalog.current_setting('bytea_output')

-- name: restore
SELECT pg_catalog.set_config('synchronize_seqscans', %s, true),
    pg_catalog.set_config('max_parallel_workers_per_gather', %s, true),
    pg_catalog.set_config('enable_indexscan', %s, true),
    pg_catalog.set_config('enable_indexonlyscan', %s, true),
    pg_catalog.set_config('enable_bitmapscan', %s, true),
    pg_catalog.set_config('datestyle', %s, true),
    pg_catalog.set_config('intervalstyle', %s, true),
    pg_catalog.set_config('extra_float_digits', %s, true),
    pg_catalog.set_config('bytea_output', %s, true)

-- name: references
-- Which table refers to which.
SELECT n.nspname::pg_catalog.text, c.relname::pg_catalog.text,
    fn.nspname::pg_catalog.text, f.relname::pg_catalog.text
FROM pg_catalog.pg_constraint AS k
JOIN pg_catalog.pg_class AS c ON c.oid = k.conrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_class AS f ON f.oid = k.confrelid
JOIN pg_catalog.pg_namespace AS fn ON fn.oid = f.relnamespace
WHERE k.contype = 'f'

-- name: triggers
-- Those of users that fire, and when.
SELECT n.nspname::pg_catalog.text, c.relname::pg_catalog.text, t.tgname::pg_catalog.text,
    t.tgenabled::pg_catalog.text
FROM pg_catalog.pg_trigger AS t
JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE NOT t.tgisinternal AND t.tgenabled <> 'D'
ORDER BY 1, 2, 3
