-- What a copy of the target needs to know of it, by reads of its catalogs alone.

-- name: sizes
-- Rows and bytes of tables, with their indexes and what is stored out of line. Bytes are those of the
-- files, since ANALYZE does not look at what is out of line, and tables grow behind it; rows are as
-- many more as a table has more pages than it had then. Of a table that somebody has locked, what the
-- last VACUUM or ANALYZE knew; of one that none has seen the counters tell.
WITH RECURSIVE locked AS MATERIALIZED (
    -- Files are looked at under the weakest lock on a table, and on each of its indexes.
    SELECT COALESCE(i.indrelid, h.relation) AS oid
    FROM pg_catalog.pg_locks AS h
    LEFT JOIN pg_catalog.pg_index AS i ON i.indexrelid = h.relation
    WHERE h.locktype = 'relation' AND h.mode = 'AccessExclusiveLock'
), parts AS (
    -- pg_partition_tree would lock them.
    SELECT c.oid AS whole, c.oid, c.relkind FROM pg_catalog.pg_class AS c
    WHERE c.relkind IN ('r', 'p', 'm')
    UNION ALL
    SELECT parts.whole, i.inhrelid, parts.relkind
    FROM parts
    JOIN pg_catalog.pg_inherits AS i ON i.inhparent = parts.oid
    WHERE parts.relkind = 'p'
), known AS (
    SELECT parts.whole, p.oid, p.relpages, p.reltuples,
        p.reltuples < 0 OR p.relpages = 0 AS unseen,
        p.oid IN (SELECT locked.oid FROM locked)
            OR p.reltoastrelid IN (SELECT locked.oid FROM locked) AS locked,
        p.relpages
            + COALESCE((SELECT pg_catalog.sum(x.relpages) FROM pg_catalog.pg_index AS i
                JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid
                WHERE i.indrelid = p.oid), 0)
            + COALESCE((SELECT t.relpages FROM pg_catalog.pg_class AS t
                WHERE t.oid = p.reltoastrelid), 0) AS pages,
        pg_catalog.current_setting('block_size')::pg_catalog.int8 AS page
    FROM parts
    JOIN pg_catalog.pg_class AS p ON p.oid = parts.oid
    WHERE p.relkind IN ('r', 'm') AND p.oid >= 16384 AND p.relpersistence <> 't'
), sums AS (
    -- The conditions stand inside: an aggregate is computed whatever is around it.
    SELECT k.whole,
        pg_catalog.bool_or(k.unseen) AS unseen,
        pg_catalog.bool_or(k.locked) AS locked,
        pg_catalog.sum(pg_catalog.pg_stat_get_live_tuples(k.oid)) AS counted,
        pg_catalog.sum(k.pages * k.page) AS remembered,
        pg_catalog.sum(CASE WHEN NOT k.locked
            THEN pg_catalog.pg_total_relation_size(k.oid) END) AS bytes,
        pg_catalog.sum(GREATEST(k.reltuples, 0) * CASE WHEN k.relpages > 0 AND NOT k.locked
            THEN GREATEST(1, pg_catalog.pg_relation_size(k.oid)
                / k.page::pg_catalog.float8 / k.relpages)
            ELSE 1 END) AS rows
    FROM known AS k
    GROUP BY k.whole
)
SELECT CASE n.nspname WHEN 'public' THEN '' ELSE pg_catalog.quote_ident(n.nspname) || '.' END
        || pg_catalog.quote_ident(c.relname),
    CASE WHEN s.unseen THEN s.counted ELSE s.rows END::pg_catalog.int8,
    CASE WHEN NOT s.locked THEN s.bytes WHEN NOT s.unseen THEN s.remembered END::pg_catalog.int8
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN sums AS s ON s.whole = c.oid
WHERE c.relkind IN ('r', 'p', 'm') AND c.oid >= 16384 AND c.relpersistence <> 't'
    AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'

-- name: surroundings
-- Settings that change what a statement does, as a session of this role has them here.
SELECT s.name, s.setting
FROM pg_catalog.pg_settings AS s
WHERE s.name IN ('TimeZone', 'DateStyle', 'IntervalStyle', 'search_path', 'bytea_output',
        'default_table_access_method', 'default_toast_compression', 'default_text_search_config',
        'check_function_bodies', 'array_nulls', 'transform_null_equals', 'xmloption',
        'plpgsql.variable_conflict', 'extra_float_digits')
    AND s.source NOT IN ('session', 'client')

-- name: roles
-- Those that own something here, or are given a right. Nothing is recorded of the one that the
-- cluster was made by.
SELECT r.rolname::pg_catalog.text FROM pg_catalog.pg_roles AS r
WHERE r.oid = 10 AND r.rolname !~ '^pg_'
UNION
SELECT DISTINCT r.rolname::pg_catalog.text
FROM pg_catalog.pg_shdepend AS d
JOIN pg_catalog.pg_roles AS r ON r.oid = d.refobjid
WHERE d.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass
    AND d.dbid IN (0, (SELECT b.oid FROM pg_catalog.pg_database AS b
        WHERE b.datname = pg_catalog.current_database()))
    AND r.rolname !~ '^pg_'

-- name: other_roles
-- And whether policies hold them back.
SELECT r.rolname::pg_catalog.text, NOT (r.rolsuper OR r.rolbypassrls)
FROM pg_catalog.pg_roles AS r WHERE r.rolname !~ '^pg_'

-- name: extensions
SELECT e.extname::pg_catalog.text FROM pg_catalog.pg_extension AS e
