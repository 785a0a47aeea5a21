-- name: marked
-- Databases that carry our mark, with the run that made them.
SELECT d.datname, pg_catalog.substr(s.description, pg_catalog.length('banister_scratch_') + 1)
FROM pg_catalog.pg_database AS d
JOIN pg_catalog.pg_shdescription AS s
    ON s.objoid OPERATOR(pg_catalog.=) d.oid
    AND s.classoid OPERATOR(pg_catalog.=) 'pg_catalog.pg_database'::pg_catalog.regclass
WHERE pg_catalog.starts_with(d.datname::text, 'banister_scratch_')
    AND pg_catalog.starts_with(s.description, 'banister_scratch_')

-- name: is_marked
SELECT 1
FROM pg_catalog.pg_database AS d
JOIN pg_catalog.pg_shdescription AS s
    ON s.objoid OPERATOR(pg_catalog.=) d.oid
    AND s.classoid OPERATOR(pg_catalog.=) 'pg_catalog.pg_database'::pg_catalog.regclass
WHERE d.datname OPERATOR(pg_catalog.=) %(name)s
    AND pg_catalog.starts_with(d.datname::text, 'banister_scratch_')
    AND pg_catalog.starts_with(s.description, 'banister_scratch_')

-- name: lock_run
-- Held by the session of a run for as long as it lives.
SELECT pg_catalog.pg_try_advisory_lock(
    pg_catalog.hashtextextended('banister scratch ' OPERATOR(pg_catalog.||) %(run)s, 0))

-- name: unlock_run
SELECT pg_catalog.pg_advisory_unlock(
    pg_catalog.hashtextextended('banister scratch ' OPERATOR(pg_catalog.||) %(run)s, 0))
