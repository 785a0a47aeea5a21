-- Checks and records of several steps in one pipeline. Nobody waits for an answer before COMMIT is
-- sent, so that whatever must not be committed fails here, by dividing by zero.

-- name: still_ours
-- As `still_ours` of queries.sql; and nothing is left that the resets between two steps leave alone.
SELECT 1 OPERATOR(pg_catalog./) (
       EXISTS (SELECT FROM pg_catalog.pg_locks l
                WHERE l.locktype OPERATOR(pg_catalog.=) 'advisory'
                  AND l.pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid()
                  AND l.classid::pg_catalog.int8 OPERATOR(pg_catalog.=) {high}
                  AND l.objid::pg_catalog.int8 OPERATOR(pg_catalog.=) {low}
                  AND l.objsubid OPERATOR(pg_catalog.=) 1
                  AND l.granted)
   AND coalesce(pg_catalog.to_regclass({history_name})::pg_catalog.oid::pg_catalog.int8
                OPERATOR(pg_catalog.=) {history_oid}, false)
   AND coalesce(pg_catalog.to_regclass({log_name})::pg_catalog.oid::pg_catalog.int8
                OPERATOR(pg_catalog.=) {log_oid}, false)
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_locks w
                    WHERE w.pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid()
                      AND w.locktype OPERATOR(pg_catalog.=) 'relation'
                      AND w.relation::pg_catalog.int8 OPERATOR(pg_catalog.=)
                          ANY (ARRAY[{history_oid}::pg_catalog.int8, {log_oid}])
                      AND w.mode OPERATOR(pg_catalog.=)
                          ANY (ARRAY['RowExclusiveLock', 'AccessExclusiveLock']))
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_prepared_statements p WHERE p.from_sql)
   AND pg_catalog.current_setting('client_encoding') OPERATOR(pg_catalog.=) 'UTF8'
)::pg_catalog.int4

-- name: applied
-- $1 version, $2 name, $3 no earlier than, $4 the version before it here, $5 and $6 checksums, $7 the
-- down text, $8 the run, $9 to $11 who, host and version. Gives the time in microseconds, and how
-- long it took in milliseconds.
WITH made AS (
    INSERT INTO {history} (version, name, applied_at, up_checksum, down_checksum, down_text,
                           duration_ms, run_id)
    VALUES ($1, $2,
            greatest(pg_catalog.clock_timestamp(),
                     $3::pg_catalog.timestamptz
                     OPERATOR(pg_catalog.+) '1 microsecond'::pg_catalog.interval,
                     (SELECT b.applied_at FROM {history} b
                       WHERE b.version OPERATOR(pg_catalog.=) $4)
                     OPERATOR(pg_catalog.+) '1 microsecond'::pg_catalog.interval),
            $5, $6, $7, {duration_ms}, $8)
    RETURNING applied_at, duration_ms),
told AS (
    INSERT INTO {log} (run_id, event, version, name, direction, checksum, duration_ms, who, host,
                       tool_version)
    SELECT $8, 'applied', $1, $2, 'up', $5, m.duration_ms, $9, $10, $11 FROM made m)
SELECT 1::pg_catalog.int8 OPERATOR(pg_catalog./) pg_catalog.count(*),
       (pg_catalog.max(pg_catalog.date_part('epoch', m.applied_at))
        OPERATOR(pg_catalog.*) 1000000::pg_catalog.float8)::pg_catalog.int8,
       pg_catalog.max(m.duration_ms)
  FROM made m

-- name: rolled_back
-- $1 version, $2 name, $3 checksum, $4 the run, $5 to $7 who, host and version.
WITH gone AS (
    DELETE FROM {history} h WHERE h.version OPERATOR(pg_catalog.=) $1
    RETURNING {duration_ms} AS duration_ms),
told AS (
    INSERT INTO {log} (run_id, event, version, name, direction, checksum, duration_ms, who, host,
                       tool_version)
    SELECT $4, 'rolled_back', $1, $2, 'down', $3, g.duration_ms, $5, $6, $7 FROM gone g)
SELECT 1::pg_catalog.int8 OPERATOR(pg_catalog./) pg_catalog.count(*),
       NULL::pg_catalog.int8,
       pg_catalog.max(g.duration_ms)
  FROM gone g

-- name: duration_ms
-- Since BEGIN.
pg_catalog.round(1000::pg_catalog.float8 OPERATOR(pg_catalog.*) pg_catalog.date_part('epoch',
    pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) pg_catalog.transaction_timestamp()))::pg_catalog.int8

-- name: written_down
-- Its COMMIT waits for the disk, and so for every COMMIT before it that did not.
-- https://www.postgresql.org/docs/current/wal-async-commit.html
SELECT pg_catalog.pg_current_xact_id()
