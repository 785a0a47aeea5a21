-- What a statement did, seen from inside its transaction: catalogs, locks, counters.
--
-- Rows of relations and their parts are told apart by OID. Names stand as people write them: quoted
-- where they must be, without the schema where that is public. Temporary relations, TOAST and what
-- belongs to the server are left out; `hidden` are the OIDs of Banister's own tables. Of relations,
-- columns, constraints and indexes only the rows are read that were written by the transaction
-- `since` or behind it, where that is given.

-- name: hidden
SELECT c.oid::pg_catalog.int8
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = %(schema)s AND c.relname = ANY (%(tables)s::pg_catalog.text[])
UNION
SELECT s.oid::pg_catalog.int8
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_depend AS d ON d.refobjid = c.oid AND d.deptype IN ('a', 'i')
JOIN pg_catalog.pg_class AS s ON s.oid = d.objid AND s.relkind = 'S'
WHERE n.nspname = %(schema)s AND c.relname = ANY (%(tables)s::pg_catalog.text[])

-- name: counters
-- The first row counts the writes to catalogs: where it does not change, nor did they. The others
-- are of tables with anything to tell.
SELECT 0::pg_catalog.int8, 0::pg_catalog.int8,
    pg_catalog.sum(
        pg_catalog.pg_stat_get_xact_tuples_inserted(c.oid)
        + pg_catalog.pg_stat_get_xact_tuples_updated(c.oid)
        + pg_catalog.pg_stat_get_xact_tuples_deleted(c.oid))::pg_catalog.int8,
    0::pg_catalog.int8, 0::pg_catalog.int8
FROM pg_catalog.pg_class AS c
WHERE c.relnamespace = 'pg_catalog'::pg_catalog.regnamespace AND c.relkind = 'r'
UNION ALL
SELECT * FROM (
    SELECT c.oid::pg_catalog.int8 AS oid,
        pg_catalog.pg_stat_get_xact_numscans(c.oid) AS scans,
        pg_catalog.pg_stat_get_xact_tuples_inserted(c.oid) AS inserted,
        pg_catalog.pg_stat_get_xact_tuples_updated(c.oid) AS updated,
        pg_catalog.pg_stat_get_xact_tuples_deleted(c.oid) AS deleted
    FROM pg_catalog.pg_class AS c
    WHERE c.oid >= 16384 AND c.relkind IN ('r', 'm') AND c.relpersistence <> 't'
) AS t
WHERE t.scans > 0 OR t.inserted > 0 OR t.updated > 0 OR t.deleted > 0

-- name: locks
SELECT l.relation::pg_catalog.int8, l.mode, l.granted
FROM pg_catalog.pg_locks AS l
WHERE l.locktype = 'relation' AND l.pid = %(pid)s AND l.relation >= 16384
    AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d
        WHERE d.datname = pg_catalog.current_database())

-- name: emptied
SELECT o.oid::pg_catalog.int8 FROM pg_catalog.unnest(%(oids)s::pg_catalog.oid[]) AS o (oid)
WHERE pg_catalog.pg_relation_size(o.oid) = 0

-- name: session
SELECT s.name, s.setting FROM pg_catalog.pg_settings AS s WHERE s.source = 'session'

-- name: lock_timeout
SELECT s.setting::pg_catalog.int8 FROM pg_catalog.pg_settings AS s WHERE s.name = 'lock_timeout'

-- name: waits
-- Whether a session waits for a lock of any kind, or is done.
SELECT a.state, a.wait_event_type FROM pg_catalog.pg_stat_activity AS a WHERE a.pid = %(pid)s

-- name: tables
-- For a session that stands in the way of statements that wait for others.
SELECT n.nspname, c.relname, c.relkind = 'm'
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p', 'm') AND c.relpersistence <> 't'
    AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
ORDER BY c.oid

-- name: relations
SELECT c.oid::pg_catalog.int8,
    CASE n.nspname WHEN 'public' THEN '' ELSE pg_catalog.quote_ident(n.nspname) || '.' END
        || pg_catalog.quote_ident(c.relname),
    c.relname::pg_catalog.text, n.nspname::pg_catalog.text, c.relkind::pg_catalog.text,
    COALESCE(pg_catalog.pg_relation_filenode(c.oid), 0)::pg_catalog.int8,
    c.relpersistence::pg_catalog.text, pg_catalog.pg_get_userbyid(c.relowner)::pg_catalog.text,
    am.amname::pg_catalog.text, ts.spcname::pg_catalog.text,
    c.relrowsecurity, c.relforcerowsecurity, c.relreplident::pg_catalog.text,
    COALESCE(c.reloptions, '{}'),
    i.indrelid::pg_catalog.int8,
    ARRAY(SELECT h.inhparent::pg_catalog.int8 FROM pg_catalog.pg_inherits AS h
        WHERE h.inhrelid = c.oid ORDER BY h.inhseqno),
    c.relispartition,
    EXISTS (SELECT FROM pg_catalog.pg_inherits AS h
        WHERE h.inhrelid = c.oid AND h.inhdetachpending),
    NULLIF(p.partdefid, 0)::pg_catalog.int8,
    pub.found,
    c.xmin::pg_catalog.text || c.ctid::pg_catalog.text,
    pg_catalog.pg_get_expr(c.relpartbound, c.oid),
    CASE c.relkind WHEN 'p' THEN pg_catalog.pg_get_partkeydef(c.oid) END
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_am AS am ON am.oid = c.relam AND c.relkind IN ('r', 'p', 'm')
LEFT JOIN pg_catalog.pg_tablespace AS ts ON ts.oid = c.reltablespace
LEFT JOIN pg_catalog.pg_index AS i ON i.indexrelid = c.oid
LEFT JOIN pg_catalog.pg_partitioned_table AS p ON p.partrelid = c.oid
CROSS JOIN LATERAL (
    SELECT EXISTS (SELECT FROM pg_catalog.pg_publication_rel AS r WHERE r.prrelid = c.oid)
        OR (c.relkind IN ('r', 'p')
            AND EXISTS (SELECT FROM pg_catalog.pg_publication AS b WHERE b.puballtables)) AS found
) AS pub
WHERE c.oid >= 16384 AND c.relpersistence <> 't'
    AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND c.oid <> ALL (%(hidden)s::pg_catalog.oid[])
    AND COALESCE(i.indrelid, 0) <> ALL (%(hidden)s::pg_catalog.oid[])
    AND (%(since)s::pg_catalog.xid IS NULL
        OR pg_catalog.age(c.xmin) <= pg_catalog.age(%(since)s::pg_catalog.xid))

-- name: columns
SELECT a.attrelid::pg_catalog.int8,
    CASE n.nspname WHEN 'public' THEN '' ELSE pg_catalog.quote_ident(n.nspname) || '.' END
        || pg_catalog.quote_ident(c.relname),
    a.attnum::pg_catalog.int4, pg_catalog.quote_ident(a.attname),
    CASE WHEN a.attisdropped THEN '' ELSE pg_catalog.format_type(a.atttypid, a.atttypmod) END,
    a.attnotnull, pg_catalog.pg_get_expr(d.adbin, d.adrelid),
    a.attgenerated::pg_catalog.text, a.attidentity::pg_catalog.text,
    CASE WHEN a.attcollation <> 0 THEN a.attcollation::pg_catalog.regcollation::pg_catalog.text END,
    a.attstorage::pg_catalog.text, a.attcompression::pg_catalog.text,
    NULLIF(a.attstattarget, -1)::pg_catalog.int4, COALESCE(a.attoptions, '{}'),
    t.typtype = 'd' AND (t.typnotnull
        OR EXISTS (SELECT FROM pg_catalog.pg_constraint AS k WHERE k.contypid = t.oid)),
    a.attisdropped
FROM pg_catalog.pg_attribute AS a
JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attnum > 0 AND c.oid >= 16384 AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
    AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND c.oid <> ALL (%(hidden)s::pg_catalog.oid[])
    AND (%(since)s::pg_catalog.xid IS NULL
        OR pg_catalog.age(a.xmin) <= pg_catalog.age(%(since)s::pg_catalog.xid)
        OR pg_catalog.age(d.xmin) <= pg_catalog.age(%(since)s::pg_catalog.xid))

-- name: constraints
SELECT k.oid::pg_catalog.int8, pg_catalog.quote_ident(k.conname), k.contype::pg_catalog.text,
    k.conrelid::pg_catalog.int8,
    CASE WHEN k.conrelid = 0 THEN '' ELSE
        CASE n.nspname WHEN 'public' THEN '' ELSE pg_catalog.quote_ident(n.nspname) || '.' END
            || pg_catalog.quote_ident(c.relname) END,
    CASE WHEN k.contypid <> 0 THEN pg_catalog.format_type(k.contypid, NULL) END,
    ARRAY(SELECT pg_catalog.quote_ident(a.attname)
        FROM pg_catalog.unnest(k.conkey) WITH ORDINALITY AS u (number, place)
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = u.number
        ORDER BY u.place),
    CASE fn.nspname WHEN 'public' THEN '' ELSE pg_catalog.quote_ident(fn.nspname) || '.' END
        || pg_catalog.quote_ident(f.relname),
    NULLIF(k.confrelid, 0)::pg_catalog.int8,
    k.convalidated,
    COALESCE((pg_catalog.to_jsonb(k) ->> 'conenforced')::pg_catalog.bool, true),
    k.condeferrable, NULLIF(k.conindid, 0)::pg_catalog.int8,
    pg_catalog.pg_get_constraintdef(k.oid), NULLIF(k.conparentid, 0)::pg_catalog.int8
FROM pg_catalog.pg_constraint AS k
JOIN pg_catalog.pg_namespace AS kn ON kn.oid = k.connamespace
LEFT JOIN pg_catalog.pg_class AS c ON c.oid = k.conrelid
LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_class AS f ON f.oid = k.confrelid
LEFT JOIN pg_catalog.pg_namespace AS fn ON fn.oid = f.relnamespace
WHERE k.oid >= 16384 AND kn.nspname !~ '^pg_' AND kn.nspname <> 'information_schema'
    AND COALESCE(c.relpersistence, 'p') <> 't'
    AND k.conrelid <> ALL (%(hidden)s::pg_catalog.oid[])
    AND (%(since)s::pg_catalog.xid IS NULL
        OR pg_catalog.age(k.xmin) <= pg_catalog.age(%(since)s::pg_catalog.xid))

-- name: indexes
SELECT i.indexrelid::pg_catalog.int8, pg_catalog.quote_ident(x.relname),
    i.indrelid::pg_catalog.int8,
    CASE n.nspname WHEN 'public' THEN '' ELSE pg_catalog.quote_ident(n.nspname) || '.' END
        || pg_catalog.quote_ident(c.relname),
    i.indisvalid, i.indisready, i.indisunique, i.indisprimary,
    ARRAY(SELECT pg_catalog.quote_ident(a.attname)
        FROM pg_catalog.unnest(i.indkey) WITH ORDINALITY AS u (number, place)
        LEFT JOIN pg_catalog.pg_attribute AS a
            ON a.attrelid = i.indrelid AND a.attnum = u.number AND u.number <> 0
        WHERE u.place <= i.indnkeyatts
        ORDER BY u.place),
    pg_catalog.pg_get_indexdef(i.indexrelid), i.indpred IS NOT NULL
FROM pg_catalog.pg_index AS i
JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid
JOIN pg_catalog.pg_class AS c ON c.oid = i.indrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE x.oid >= 16384 AND x.relpersistence <> 't'
    AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND c.oid <> ALL (%(hidden)s::pg_catalog.oid[])
    AND (%(since)s::pg_catalog.xid IS NULL
        OR pg_catalog.age(i.xmin) <= pg_catalog.age(%(since)s::pg_catalog.xid))

-- name: there
-- What is there, by OID, and by table and number for columns; the transaction that what is written
-- from now on is written by, or behind; what decides whether all must be read again; and the names
-- of what others are told by.
SELECT
    ARRAY(SELECT c.oid::pg_catalog.int8 FROM pg_catalog.pg_class AS c WHERE c.oid >= 16384),
    ARRAY(SELECT a.attrelid::pg_catalog.int8 * 2048 + a.attnum
        FROM pg_catalog.pg_attribute AS a
        WHERE a.attrelid >= 16384 AND a.attnum > 0 AND NOT a.attisdropped),
    ARRAY(SELECT k.oid::pg_catalog.int8 FROM pg_catalog.pg_constraint AS k WHERE k.oid >= 16384),
    ARRAY(SELECT i.indexrelid::pg_catalog.int8 FROM pg_catalog.pg_index AS i
        WHERE i.indexrelid >= 16384),
    COALESCE(pg_catalog.pg_current_xact_id_if_assigned(),
        pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot()))::pg_catalog.xid
        ::pg_catalog.text,
    ARRAY[
        (SELECT pg_catalog.string_agg(h.xmin::pg_catalog.text || h.ctid::pg_catalog.text, ' ')
            FROM pg_catalog.pg_inherits AS h),
        (SELECT pg_catalog.string_agg(p.xmin::pg_catalog.text || p.ctid::pg_catalog.text, ' ')
            FROM pg_catalog.pg_publication AS p),
        (SELECT pg_catalog.string_agg(p.xmin::pg_catalog.text || p.ctid::pg_catalog.text, ' ')
            FROM pg_catalog.pg_publication_rel AS p),
        (SELECT pg_catalog.string_agg(k.oid::pg_catalog.text, ' ')
            FROM pg_catalog.pg_constraint AS k WHERE k.contypid <> 0)],
    ARRAY(
        SELECT 'n' || n.oid::pg_catalog.text || ' ' || n.nspname FROM pg_catalog.pg_namespace AS n
        UNION ALL
        SELECT 't' || t.oid::pg_catalog.text || ' ' || t.typname FROM pg_catalog.pg_type AS t
        WHERE t.oid >= 16384 AND t.typtype IN ('e', 'd', 'r')
        UNION ALL
        SELECT 'c' || c.oid::pg_catalog.text || ' ' || c.relname FROM pg_catalog.pg_class AS c
        WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p', 'v', 'm', 'f'))

-- name: objects
-- kind, oid, name, what it belongs to, its oid, stamp, definition
SELECT 'schema', n.oid::pg_catalog.int8, pg_catalog.quote_ident(n.nspname),
    NULL::pg_catalog.text, NULL::pg_catalog.int8,
    n.xmin::pg_catalog.text || n.ctid::pg_catalog.text, ''::pg_catalog.text
FROM pg_catalog.pg_namespace AS n
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
UNION ALL
SELECT CASE p.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function' END,
    p.oid::pg_catalog.int8, p.oid::pg_catalog.regprocedure::pg_catalog.text, NULL, NULL,
    p.xmin::pg_catalog.text || p.ctid::pg_catalog.text, p.provolatile::pg_catalog.text
FROM pg_catalog.pg_proc AS p
WHERE p.oid >= 16384
UNION ALL
SELECT CASE t.typtype WHEN 'e' THEN 'enum' WHEN 'd' THEN 'domain' WHEN 'r' THEN 'range'
        WHEN 'm' THEN 'multirange' ELSE 'type' END,
    t.oid::pg_catalog.int8, pg_catalog.format_type(t.oid, NULL), NULL, NULL,
    t.xmin::pg_catalog.text || t.ctid::pg_catalog.text, CASE t.typtype WHEN 'd'
        THEN pg_catalog.format_type(t.typbasetype, t.typtypmod) ELSE '' END
FROM pg_catalog.pg_type AS t
JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace
LEFT JOIN pg_catalog.pg_class AS c ON c.oid = t.typrelid
WHERE t.oid >= 16384 AND n.nspname !~ '^pg_' AND t.typelem = 0
    AND (t.typrelid = 0 OR c.relkind = 'c')
UNION ALL
SELECT 'enum value', e.oid::pg_catalog.int8, pg_catalog.quote_literal(e.enumlabel),
    pg_catalog.format_type(e.enumtypid, NULL), e.enumtypid::pg_catalog.int8,
    e.enumlabel::pg_catalog.text, e.enumsortorder::pg_catalog.text
FROM pg_catalog.pg_enum AS e
UNION ALL
SELECT 'trigger', t.oid::pg_catalog.int8, pg_catalog.quote_ident(t.tgname),
    t.tgrelid::pg_catalog.regclass::pg_catalog.text, t.tgrelid::pg_catalog.int8,
    t.xmin::pg_catalog.text || t.ctid::pg_catalog.text, t.tgenabled::pg_catalog.text
FROM pg_catalog.pg_trigger AS t
WHERE NOT t.tgisinternal AND t.tgrelid <> ALL (%(hidden)s::pg_catalog.oid[])
UNION ALL
SELECT 'rule', r.oid::pg_catalog.int8, pg_catalog.quote_ident(r.rulename),
    r.ev_class::pg_catalog.regclass::pg_catalog.text, r.ev_class::pg_catalog.int8,
    r.xmin::pg_catalog.text || r.ctid::pg_catalog.text, r.ev_enabled::pg_catalog.text
FROM pg_catalog.pg_rewrite AS r
WHERE r.oid >= 16384
UNION ALL
SELECT 'policy', p.oid::pg_catalog.int8, pg_catalog.quote_ident(p.polname),
    p.polrelid::pg_catalog.regclass::pg_catalog.text, p.polrelid::pg_catalog.int8,
    p.xmin::pg_catalog.text || p.ctid::pg_catalog.text, ''
FROM pg_catalog.pg_policy AS p
UNION ALL
SELECT 'extension', e.oid::pg_catalog.int8, pg_catalog.quote_ident(e.extname), NULL, NULL,
    e.extversion, e.extversion
FROM pg_catalog.pg_extension AS e
UNION ALL
SELECT 'statistics', s.oid::pg_catalog.int8, pg_catalog.quote_ident(s.stxname),
    s.stxrelid::pg_catalog.regclass::pg_catalog.text, s.stxrelid::pg_catalog.int8,
    s.xmin::pg_catalog.text || s.ctid::pg_catalog.text, ''
FROM pg_catalog.pg_statistic_ext AS s
UNION ALL
SELECT 'publication', p.oid::pg_catalog.int8, pg_catalog.quote_ident(p.pubname), NULL, NULL,
    p.xmin::pg_catalog.text || p.ctid::pg_catalog.text, ''
FROM pg_catalog.pg_publication AS p
UNION ALL
SELECT 'event trigger', e.oid::pg_catalog.int8, pg_catalog.quote_ident(e.evtname), NULL, NULL,
    e.xmin::pg_catalog.text || e.ctid::pg_catalog.text, e.evtenabled::pg_catalog.text
FROM pg_catalog.pg_event_trigger AS e
UNION ALL
SELECT 'collation', c.oid::pg_catalog.int8, c.oid::pg_catalog.regcollation::pg_catalog.text, NULL,
    NULL, c.xmin::pg_catalog.text || c.ctid::pg_catalog.text, ''
FROM pg_catalog.pg_collation AS c
WHERE c.oid >= 16384
UNION ALL
SELECT 'operator', o.oid::pg_catalog.int8, o.oid::pg_catalog.regoperator::pg_catalog.text, NULL,
    NULL, o.xmin::pg_catalog.text || o.ctid::pg_catalog.text, ''
FROM pg_catalog.pg_operator AS o
WHERE o.oid >= 16384

-- name: code
-- What a name may lead to, without what belongs to extensions: functions and prepared statements to
-- their code, tables to the functions of their triggers, views to those that they call.
SELECT 'code', p.proname::pg_catalog.text, p.prosrc || COALESCE(
    pg_catalog.pg_get_function_sqlbody(p.oid), '')
FROM pg_catalog.pg_proc AS p
WHERE p.oid >= 16384 AND NOT EXISTS (
    SELECT FROM pg_catalog.pg_depend AS d
    WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid
        AND d.deptype = 'e')
UNION ALL
SELECT 'code', p.name, p.statement FROM pg_catalog.pg_prepared_statements AS p WHERE p.from_sql
UNION ALL
SELECT 'trigger', c.relname::pg_catalog.text, p.proname::pg_catalog.text
FROM pg_catalog.pg_trigger AS t
JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
JOIN pg_catalog.pg_proc AS p ON p.oid = t.tgfoid
WHERE NOT t.tgisinternal
UNION ALL
SELECT 'view', c.relname::pg_catalog.text, p.proname::pg_catalog.text
FROM pg_catalog.pg_rewrite AS w
JOIN pg_catalog.pg_class AS c ON c.oid = w.ev_class
JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
    AND d.objid = w.oid AND d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass
JOIN pg_catalog.pg_proc AS p ON p.oid = d.refobjid
WHERE p.oid >= 16384
