-- What a second connection sees of the one that runs. Its search_path is empty, so that every
-- unqualified name is of pg_catalog.

-- name: waits_for_lock
-- Whether the watched session waits for a lock now. Cheap: it takes no lock of the lock manager.
SELECT a.wait_event_type = 'Lock'
  FROM pg_stat_activity a
 WHERE a.pid = %(pid)s

-- name: blockers
-- Who stands in its way, with what. A pid of 0 is a prepared transaction. What a role may not see of
-- a session is NULL, its backend_type too.
-- https://www.postgresql.org/docs/current/functions-info.html (pg_blocking_pids)
SELECT b.pid, a.usename::text, a.application_name, a.state,
       extract(epoch FROM clock_timestamp() - a.xact_start)::float8,
       CASE WHEN %(queries)s THEN left(a.query, 4000) END,
       a.backend_type,
       (SELECT string_agg(DISTINCT l.mode, ', ' ORDER BY l.mode)
          FROM pg_locks l
          JOIN pg_locks w ON w.pid = %(pid)s AND NOT w.granted
                         AND w.locktype = l.locktype
                         AND w.relation IS NOT DISTINCT FROM l.relation
                         AND w.transactionid IS NOT DISTINCT FROM l.transactionid
         WHERE l.granted AND l.pid IS NOT DISTINCT FROM nullif(b.pid, 0)),
       (SELECT w.relation::regclass::text
          FROM pg_locks w
         WHERE w.pid = %(pid)s AND NOT w.granted AND w.locktype = 'relation'
         LIMIT 1),
       CASE WHEN b.pid = 0 THEN (
           SELECT string_agg(p.gid, ', ' ORDER BY p.gid)
             FROM pg_prepared_xacts p
             JOIN pg_locks x ON x.locktype = 'transactionid' AND x.transactionid = p.transaction
             JOIN pg_locks l ON l.virtualtransaction = x.virtualtransaction AND l.pid IS NULL
             JOIN pg_locks w ON w.pid = %(pid)s AND NOT w.granted AND w.relation = l.relation
            WHERE p.database = current_database()) END
  FROM unnest(pg_blocking_pids(%(pid)s)) AS b (pid)
  LEFT JOIN pg_stat_activity a ON a.pid = b.pid
 GROUP BY 1, 2, 3, 4, a.xact_start, a.query, a.backend_type
 ORDER BY 1

-- name: queued_behind
-- How many sessions wait for something that the watched one asked for before them.
SELECT count(DISTINCT w.pid)
  FROM pg_locks w
  JOIN pg_locks d ON d.pid = %(pid)s AND d.locktype = 'relation'
                 AND d.relation = w.relation AND d.database = w.database
 WHERE w.locktype = 'relation' AND NOT w.granted AND w.pid <> %(pid)s
   AND w.waitstart >= (SELECT min(o.waitstart) FROM pg_locks o
                        WHERE o.pid = %(pid)s AND NOT o.granted)

-- name: cancel_wait
-- Ends the watched session's own wait, and nothing else.
SELECT pg_cancel_backend(a.pid)
  FROM pg_stat_activity a
 WHERE a.pid = %(pid)s AND a.wait_event_type = 'Lock'

-- name: progress
-- https://www.postgresql.org/docs/current/progress-reporting.html
SELECT p.phase,
       CASE WHEN p.blocks_total > 0 THEN 100.0 * p.blocks_done / p.blocks_total
            WHEN p.tuples_total > 0 THEN 100.0 * p.tuples_done / p.tuples_total END::float8,
       nullif(p.current_locker_pid, 0)
  FROM pg_stat_progress_create_index p WHERE p.pid = %(pid)s
UNION ALL
SELECT 'vacuum: ' || p.phase, (100.0 * p.heap_blks_scanned / nullif(p.heap_blks_total, 0))::float8,
       NULL
  FROM pg_stat_progress_vacuum p WHERE p.pid = %(pid)s
UNION ALL
SELECT lower(p.command) || ': ' || p.phase,
       (100.0 * p.heap_blks_scanned / nullif(p.heap_blks_total, 0))::float8, NULL
  FROM pg_stat_progress_cluster p WHERE p.pid = %(pid)s
UNION ALL
SELECT 'analyze: ' || p.phase,
       (100.0 * p.sample_blks_scanned / nullif(p.sample_blks_total, 0))::float8, NULL
  FROM pg_stat_progress_analyze p WHERE p.pid = %(pid)s
UNION ALL
SELECT 'copy: ' || p.tuples_processed || ' rows',
       (100.0 * p.bytes_processed / nullif(p.bytes_total, 0))::float8, NULL
  FROM pg_stat_progress_copy p WHERE p.pid = %(pid)s

-- name: describe
SELECT a.pid, a.usename::text, a.application_name, a.state,
       extract(epoch FROM clock_timestamp() - a.xact_start)::float8,
       CASE WHEN %(queries)s THEN left(a.query, 4000) END,
       a.backend_type
  FROM pg_stat_activity a WHERE a.pid = %(other)s
