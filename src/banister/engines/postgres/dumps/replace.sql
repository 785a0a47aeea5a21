-- Putting one database in the place of another.

-- name: database
-- What CREATE DATABASE has to be told, and what no dump of one database holds.
SELECT d.datname::pg_catalog.text AS name, r.rolname::pg_catalog.text AS owner,
    pg_catalog.pg_encoding_to_char(d.encoding)::pg_catalog.text AS encoding,
    d.datcollate::pg_catalog.text AS collate, d.datctype::pg_catalog.text AS ctype,
    -- To name even the ordinary one takes a right on it, which few roles have.
    CASE WHEN d.dattablespace <> o.dattablespace THEN t.spcname::pg_catalog.text END AS tablespace,
    d.datconnlimit AS connections,
    pg_catalog.shobj_description(d.oid, 'pg_database') AS comment,
    pg_catalog.to_jsonb(d) AS more, d.datacl IS NOT NULL AS has_grants
FROM pg_catalog.pg_database AS d
JOIN pg_catalog.pg_roles AS r ON r.oid = d.datdba
JOIN pg_catalog.pg_tablespace AS t ON t.oid = d.dattablespace
JOIN pg_catalog.pg_database AS o ON o.datname = 'template0'
WHERE d.datname = pg_catalog.current_database()

-- name: grants
SELECT CASE WHEN a.grantee = 0 THEN NULL ELSE r.rolname::pg_catalog.text END AS grantee,
    a.privilege_type AS privilege, a.is_grantable AS grantable
FROM pg_catalog.pg_database AS d
CROSS JOIN LATERAL pg_catalog.aclexplode(d.datacl) AS a
LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = a.grantee
WHERE d.datname = pg_catalog.current_database()
ORDER BY 1 NULLS FIRST, 2

-- name: settings
SELECT r.rolname::pg_catalog.text AS role, pg_catalog.split_part(c.config, '=', 1) AS name,
    pg_catalog.substr(c.config, pg_catalog.strpos(c.config, '=') + 1) AS value
FROM pg_catalog.pg_db_role_setting AS s
JOIN pg_catalog.pg_database AS d ON d.oid = s.setdatabase
LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = s.setrole
CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) AS c (config)
WHERE d.datname = pg_catalog.current_database()
ORDER BY 1 NULLS FIRST, 2

-- name: labels
SELECT s.provider, s.label
FROM pg_catalog.pg_shseclabel AS s
JOIN pg_catalog.pg_database AS d ON d.oid = s.objoid
WHERE s.classoid = 'pg_catalog.pg_database'::pg_catalog.regclass
    AND d.datname = pg_catalog.current_database()
ORDER BY 1

-- name: rights
-- The role that works here, and whether it may rename the database and make another one.
SELECT pg_catalog.quote_ident(r.rolname), pg_catalog.quote_ident(o.rolname),
    pg_catalog.pg_has_role(d.datdba, 'USAGE'), r.rolsuper OR r.rolcreatedb
FROM pg_catalog.pg_database AS d
JOIN pg_catalog.pg_roles AS o ON o.oid = d.datdba
CROSS JOIN pg_catalog.pg_roles AS r
WHERE d.datname = %s AND r.rolname = current_user

-- name: obstacles
-- What would stay with the old database.
SELECT 'the logical replication slot ' || s.slot_name,
    'drop it, and make it anew when the backup is in place'
FROM pg_catalog.pg_replication_slots AS s
WHERE s.database = pg_catalog.current_database()
UNION ALL
SELECT 'the subscription ' || pg_catalog.quote_ident(s.subname),
    'drop it, and make it anew when the backup is in place'
FROM pg_catalog.pg_subscription AS s
JOIN pg_catalog.pg_database AS d ON d.oid = s.subdbid
WHERE d.datname = pg_catalog.current_database()
UNION ALL
SELECT 'the prepared transaction ' || p.gid, 'commit it or roll it back'
FROM pg_catalog.pg_prepared_xacts AS p
WHERE p.database = pg_catalog.current_database()

-- name: sessions
-- And whether this role may end them. Workers of the server itself have no user: they give way.
SELECT a.pid, a.usename::pg_catalog.text, a.application_name, a.state, a.backend_type,
    (SELECT me.rolsuper OR (NOT r.rolsuper AND (pg_catalog.pg_has_role(r.oid, 'USAGE')
        OR pg_catalog.pg_has_role('pg_signal_backend', 'USAGE')))
        FROM pg_catalog.pg_roles AS me WHERE me.rolname = current_user) AS endable
FROM pg_catalog.pg_stat_activity AS a
JOIN pg_catalog.pg_roles AS r ON r.oid = a.usesysid
WHERE a.datname = %s AND a.pid <> pg_catalog.pg_backend_pid()
ORDER BY a.pid

-- name: disconnect
SELECT pg_catalog.count(pg_catalog.pg_terminate_backend(a.pid))
FROM pg_catalog.pg_stat_activity AS a
JOIN pg_catalog.pg_roles AS r ON r.oid = a.usesysid
WHERE a.datname = %s AND a.pid <> pg_catalog.pg_backend_pid() AND (SELECT me.rolsuper OR (NOT r.rolsuper AND (pg_catalog.pg_has_role(r.oid, 'USAGE')
        OR pg_catalog.pg_has_role('pg_signal_backend', 'USAGE')))
        FROM pg_catalog.pg_roles AS me WHERE me.rolname = current_user)

-- name: left_behind
-- Databases that restores have made which were killed.
SELECT d.datname::pg_catalog.text
FROM pg_catalog.pg_database AS d
WHERE pg_catalog.shobj_description(d.oid, 'pg_database') = %s
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_activity AS a WHERE a.datid = d.oid)
ORDER BY 1

-- name: exists
SELECT pg_catalog.count(*) FROM pg_catalog.pg_database AS d WHERE d.datname = %s
