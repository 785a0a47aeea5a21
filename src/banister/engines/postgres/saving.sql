-- Rows that a statement is about to take away.

-- name: parts
-- The tables that hold the rows of a table, with what tells their rows apart.
SELECT n.nspname::pg_catalog.text, c.relname::pg_catalog.text,
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
ORDER BY 1, 2

-- name: size
-- Bytes of a table's rows, with those stored out of line.
SELECT pg_catalog.pg_table_size(pg_catalog.to_regclass(%(table)s))

-- name: quiet
-- Rows come in the order in which they lie, one after the other.
SELECT pg_catalog.set_config('synchronize_seqscans', 'off', true),
    pg_catalog.set_config('max_parallel_workers_per_gather', '0', true),
    pg_catalog.set_config('enable_indexscan', 'off', true),
    pg_catalog.set_config('enable_indexonlyscan', 'off', true),
    pg_catalog.set_config('enable_bitmapscan', 'off', true)

-- name: settings
SELECT pg_catalog.current_setting('synchronize_seqscans'),
    pg_catalog.current_setting('max_parallel_workers_per_gather'),
    pg_catalog.current_setting('enable_indexscan'),
    pg_catalog.current_setting('enable_indexonlyscan'),
    pg_catalog.current_setting('enable_bitmapscan')

-- name: restore
SELECT pg_catalog.set_config('synchronize_seqscans', %s, true),
    pg_catalog.set_config('max_parallel_workers_per_gather', %s, true),
    pg_catalog.set_config('enable_indexscan', %s, true),
    pg_catalog.set_config('enable_indexonlyscan', %s, true),
    pg_catalog.set_config('enable_bitmapscan', %s, true)
