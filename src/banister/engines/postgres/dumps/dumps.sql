-- What backups ask a database, by reads alone.

-- name: size
-- What the tables hold, with what is stored out of line.
-- Of a table that somebody has locked, what the last VACUUM knew.
SELECT COALESCE(pg_catalog.sum(CASE
        WHEN EXISTS (SELECT FROM pg_catalog.pg_locks AS k
            WHERE k.relation = c.oid AND k.mode = 'AccessExclusiveLock')
        THEN c.relpages * pg_catalog.current_setting('block_size')::pg_catalog.int8
        ELSE pg_catalog.pg_table_size(c.oid) END), 0)::pg_catalog.int8
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.relpersistence <> 't'
    AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'

-- name: facts
-- With what a transaction that makes it all has to lock: large objects get their owners one by one.
SELECT pg_catalog.current_database(), pg_catalog.current_setting('server_encoding'),
    (SELECT pg_catalog.count(*) FROM pg_catalog.pg_class AS c WHERE c.oid >= 16384)
        + (SELECT pg_catalog.count(*) FROM pg_catalog.pg_largeobject_metadata)

-- name: others
-- Sessions of other programs in this database. Those of the run end with it.
SELECT pg_catalog.count(*)
FROM pg_catalog.pg_stat_activity AS a
WHERE a.datname = pg_catalog.current_database() AND a.backend_type = 'client backend'
    AND a.application_name NOT IN (
        pg_catalog.current_setting('application_name'), 'banister (watching)')

-- name: place
-- Where the server keeps its data, or those of a tablespace; NULL: this role may not know.
SELECT CASE WHEN %(tablespace)s::pg_catalog.oid IS NOT NULL
    THEN pg_catalog.pg_tablespace_location(%(tablespace)s::pg_catalog.oid)
    WHEN pg_catalog.pg_has_role('pg_read_all_settings', 'USAGE')
    THEN pg_catalog.current_setting('data_directory') END

-- name: may_ask_cluster
SELECT pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE')

-- name: cluster
-- The same for all copies of a data directory.
SELECT c.system_identifier::pg_catalog.text FROM pg_catalog.pg_control_system() AS c

-- name: tables
-- Those whose rows a dump holds. What extensions own they fill themselves.
SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname)
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.relpersistence <> 't'
    AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
        WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid
            AND d.deptype = 'e')
ORDER BY 1

-- name: unreadable
-- What this role may not read, or only in part, and why; the role, and whether the table is its own.
SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname),
    CASE WHEN NOT pg_catalog.has_schema_privilege(n.oid, 'USAGE')
            THEN 'GRANT USAGE ON SCHEMA ' || pg_catalog.quote_ident(n.nspname)
        WHEN c.relkind = 'S' AND NOT pg_catalog.has_sequence_privilege(c.oid, 'SELECT')
            THEN 'GRANT SELECT ON SEQUENCE ' || c.oid::pg_catalog.regclass::pg_catalog.text
        WHEN c.relkind <> 'S' AND NOT pg_catalog.has_table_privilege(c.oid, 'SELECT')
            THEN 'GRANT SELECT ON ' || c.oid::pg_catalog.regclass::pg_catalog.text
        ELSE 'row security' END,
    pg_catalog.quote_ident(current_user), pg_catalog.pg_has_role(c.relowner, 'USAGE')
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'S') AND c.relpersistence <> 't'
    AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND (NOT pg_catalog.has_schema_privilege(n.oid, 'USAGE')
        OR CASE WHEN c.relkind = 'S'
            THEN NOT pg_catalog.has_sequence_privilege(c.oid, 'SELECT')
            ELSE NOT pg_catalog.has_table_privilege(c.oid, 'SELECT') END
        OR (c.relkind <> 'S' AND c.relrowsecurity
            AND NOT EXISTS (SELECT FROM pg_catalog.pg_roles AS r
                WHERE r.rolname = current_user AND (r.rolsuper OR r.rolbypassrls))
            AND (c.relforcerowsecurity
                OR NOT pg_catalog.pg_has_role(c.relowner, 'USAGE'))))
ORDER BY 1

-- name: held_back
-- What this role owns, and may not read whole.
SELECT c.oid::pg_catalog.regclass::pg_catalog.text
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_roles AS r ON r.rolname = current_user
WHERE c.relkind IN ('r', 'p') AND c.relrowsecurity AND c.relforcerowsecurity
    AND pg_catalog.pg_has_role(c.relowner, 'USAGE') AND NOT (r.rolsuper OR r.rolbypassrls)
ORDER BY 1

-- name: holds
-- Some of what makes a database not empty; what extensions own does not count.
SELECT what FROM (
    SELECT 'schema ' || pg_catalog.quote_ident(n.nspname) AS what,
        'pg_catalog.pg_namespace'::pg_catalog.regclass AS class, n.oid AS oid, 3 AS rank
    FROM pg_catalog.pg_namespace AS n
    WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'public')
    UNION ALL
    SELECT CASE c.relkind WHEN 'v' THEN 'view ' WHEN 'm' THEN 'view ' WHEN 'S' THEN 'sequence '
            ELSE 'table ' END || pg_catalog.quote_ident(n.nspname) || '.'
            || pg_catalog.quote_ident(c.relname),
        'pg_catalog.pg_class'::pg_catalog.regclass, c.oid,
        CASE WHEN c.relkind = 'S' THEN 2 ELSE 1 END
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND c.relpersistence <> 't'
        AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    UNION ALL
    SELECT 'function ' || pg_catalog.quote_ident(n.nspname) || '.'
            || pg_catalog.quote_ident(p.proname),
        'pg_catalog.pg_proc'::pg_catalog.regclass, p.oid, 4
    FROM pg_catalog.pg_proc AS p
    JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
    WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    UNION ALL
    SELECT 'type ' || pg_catalog.quote_ident(n.nspname) || '.'
            || pg_catalog.quote_ident(t.typname),
        'pg_catalog.pg_type'::pg_catalog.regclass, t.oid, 5
    FROM pg_catalog.pg_type AS t
    JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace
    WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND t.typelem = 0
        AND (t.typtype IN ('e', 'd', 'r') OR (t.typtype = 'c' AND EXISTS (
            SELECT FROM pg_catalog.pg_class AS c
            WHERE c.oid = t.typrelid AND c.relkind = 'c')))
    UNION ALL
    SELECT 'publication ' || pg_catalog.quote_ident(p.pubname),
        'pg_catalog.pg_publication'::pg_catalog.regclass, p.oid, 6
    FROM pg_catalog.pg_publication AS p
    UNION ALL
    SELECT 'event trigger ' || pg_catalog.quote_ident(e.evtname),
        'pg_catalog.pg_event_trigger'::pg_catalog.regclass, e.oid, 7
    FROM pg_catalog.pg_event_trigger AS e
    UNION ALL
    SELECT 'large object ' || l.oid, 'pg_catalog.pg_largeobject'::pg_catalog.regclass, l.oid, 8
    FROM pg_catalog.pg_largeobject_metadata AS l
) AS there
WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
    WHERE d.classid = there.class AND d.objid = there.oid AND d.deptype = 'e')
ORDER BY rank, what
LIMIT 4

-- name: refuse
-- Before what it stands for (holds) in a dump: a statement that fails unless it finds nothing.
DO $banister$
DECLARE
    found pg_catalog.text;
BEGIN
    SELECT pg_catalog.string_agg(there.what, ', ') INTO found FROM ({holds}) AS there;
    IF found IS NOT NULL THEN
        RAISE EXCEPTION 'this database is not empty, nothing was restored: there is %', found
            USING HINT = 'restore into a new, empty database; or let "banister restore FILE '
                '--replace" put the backup in the place of this one.';
    END IF;
END
$banister$;
