-- Queries of scratch databases on servers of PostgreSQL.

-- name: role
-- What the session's role may do, and who it is.
SELECT r.rolsuper, r.rolsuper OR r.rolcreatedb, r.rolname::pg_catalog.text
FROM pg_catalog.pg_roles AS r
WHERE r.rolname OPERATOR(pg_catalog.=) current_user

-- name: leftovers
-- Databases that carry our mark, whose run is over: nobody holds its lock in any database of the
-- server, and nobody is connected.
SELECT d.datname::pg_catalog.text, m.run
FROM pg_catalog.pg_database AS d
JOIN pg_catalog.pg_shdescription AS s
    ON s.objoid OPERATOR(pg_catalog.=) d.oid
    AND s.classoid OPERATOR(pg_catalog.=) 'pg_catalog.pg_database'::pg_catalog.regclass
CROSS JOIN LATERAL (
    SELECT pg_catalog."substring"(s.description, '^banister scratch: run ([0-9a-f]{16}), ') AS run
) AS m
CROSS JOIN LATERAL (
    SELECT ('x' OPERATOR(pg_catalog.||) m.run)::pg_catalog.bit(64)::pg_catalog.int8 AS key
) AS k
WHERE pg_catalog.starts_with(
        d.datname::pg_catalog.text,
        'banister_scratch_' OPERATOR(pg_catalog.||) m.run OPERATOR(pg_catalog.||) '_')
    AND pg_catalog.pg_has_role(d.datdba, 'USAGE')
    AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_locks AS l
        WHERE l.locktype OPERATOR(pg_catalog.=) 'advisory'
            AND l.objsubid OPERATOR(pg_catalog.=) 1
            AND ((l.classid::pg_catalog.int8 OPERATOR(pg_catalog.<<) 32)
                OPERATOR(pg_catalog.|) l.objid::pg_catalog.int8) OPERATOR(pg_catalog.=) k.key)
    AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_stat_activity AS a
        WHERE a.datid OPERATOR(pg_catalog.=) d.oid)
ORDER BY d.datname

-- name: is_marked
SELECT 1
FROM pg_catalog.pg_database AS d
JOIN pg_catalog.pg_shdescription AS s
    ON s.objoid OPERATOR(pg_catalog.=) d.oid
    AND s.classoid OPERATOR(pg_catalog.=) 'pg_catalog.pg_database'::pg_catalog.regclass
WHERE d.datname OPERATOR(pg_catalog.=) %(name)s
    AND pg_catalog.starts_with(
        s.description, 'banister scratch: run ' OPERATOR(pg_catalog.||) %(run)s)

-- name: hold_run
-- Held by the session of a run for as long as it lives; seen from every database of the server.
SELECT pg_catalog.pg_try_advisory_lock(
    ('x' OPERATOR(pg_catalog.||) %(run)s)::pg_catalog.bit(64)::pg_catalog.int8)

-- name: visitors
SELECT 1
FROM pg_catalog.pg_stat_activity AS a
WHERE a.datname OPERATOR(pg_catalog.=) %(name)s
    AND a.backend_type OPERATOR(pg_catalog.=) 'client backend'
LIMIT 1

-- name: identity
-- What may make the same migrations do something else: the build, the extensions that can be had,
-- the locale of new databases.
SELECT pg_catalog.version(),
    (SELECT pg_catalog.md5(pg_catalog.string_agg(
            e.name OPERATOR(pg_catalog.||) ' ' OPERATOR(pg_catalog.||) e.version, ','
            ORDER BY e.name, e.version))
        FROM pg_catalog.pg_available_extension_versions AS e),
    d.encoding, d.datcollate, d.datctype
FROM pg_catalog.pg_database AS d
WHERE d.datname OPERATOR(pg_catalog.=) 'template0'

-- name: keep_programs_out
-- Before 16 whoever may make roles may give any role to themselves that is no superuser, and so run
-- programs and read files: https://www.postgresql.org/docs/15/predefined-roles.html
UPDATE pg_catalog.pg_authid SET rolsuper = true
WHERE rolname OPERATOR(pg_catalog.=) ANY (
    '{pg_execute_server_program,pg_read_server_files,pg_write_server_files}'::pg_catalog.name[])

-- name: related
-- The tables of these names, also behind views, functions and triggers that the text leads to; those
-- that refer to them, and all that either refers to; the names as people write them.
WITH RECURSIVE tables AS (
    SELECT c.oid, (CASE n.nspname WHEN 'public' THEN ''
            ELSE pg_catalog.quote_ident(n.nspname) || '.' END)
        || pg_catalog.quote_ident(c.relname) AS name, pg_catalog.lower(c.relname) AS bare
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND c.oid >= 16384
), functions AS (
    SELECT p.oid, pg_catalog.lower(p.proname) AS bare,
        pg_catalog.lower(p.prosrc) || COALESCE(
            pg_catalog.lower(pg_catalog.pg_get_function_sqlbody(p.oid)), '') AS source
    FROM pg_catalog.pg_proc AS p WHERE p.oid >= 16384
), reached AS (
    SELECT c.oid FROM pg_catalog.pg_class AS c
    WHERE c.relkind IN ('r', 'p', 'v', 'm') AND c.oid >= 16384
        AND pg_catalog.strpos(%(text)s, pg_catalog.lower(c.relname)) > 0
    UNION
    SELECT f.oid FROM functions AS f WHERE pg_catalog.strpos(%(text)s, f.bare) > 0
    UNION
    SELECT x.oid FROM reached AS r
    CROSS JOIN LATERAL (
        SELECT c.oid FROM functions AS f
        JOIN pg_catalog.pg_class AS c ON c.relkind IN ('r', 'p', 'v', 'm') AND c.oid >= 16384
            AND pg_catalog.strpos(f.source, pg_catalog.lower(c.relname)) > 0
        WHERE f.oid = r.oid
        UNION ALL
        SELECT g.oid FROM functions AS f
        JOIN functions AS g ON pg_catalog.strpos(f.source, g.bare) > 0
        WHERE f.oid = r.oid
        UNION ALL
        SELECT t.tgfoid FROM pg_catalog.pg_trigger AS t
        WHERE t.tgrelid = r.oid AND NOT t.tgisinternal
        UNION ALL
        SELECT d.refobjid FROM pg_catalog.pg_rewrite AS w
        JOIN pg_catalog.pg_depend AS d ON d.objid = w.oid
            AND d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
            AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
        WHERE w.ev_class = r.oid
    ) AS x
), named AS (
    SELECT t.oid FROM tables AS t JOIN reached AS r ON r.oid = t.oid
), near AS (
    SELECT oid FROM named
    UNION
    SELECT k.conrelid FROM pg_catalog.pg_constraint AS k
    JOIN named ON named.oid = k.confrelid AND k.contype = 'f'
    UNION
    SELECT h.inhrelid FROM pg_catalog.pg_inherits AS h JOIN named ON named.oid = h.inhparent
), all_of_them AS (
    SELECT oid FROM near
    UNION
    SELECT k.confrelid FROM pg_catalog.pg_constraint AS k
    JOIN all_of_them AS a ON a.oid = k.conrelid AND k.contype = 'f'
)
SELECT t.name, t.oid IN (SELECT oid FROM all_of_them) FROM tables AS t

-- name: unpopulated
SELECT n.nspname::pg_catalog.text, c.relname::pg_catalog.text
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind = 'm' AND NOT c.relispopulated
ORDER BY c.oid
