-- Every object is named with its schema, so that no search_path can change what these mean.

-- name: facts
-- Who and where we are; nothing here needs a right beyond CONNECT.
SELECT pg_catalog.current_setting('server_version_num')::pg_catalog.int4,
       pg_catalog.current_setting('server_version'),
       pg_catalog.pg_backend_pid(),
       pg_catalog.pg_is_in_recovery(),
       pg_catalog.current_setting('transaction_read_only'),
       SESSION_USER,
       pg_catalog.version(),
       pg_catalog.pg_has_role('pg_read_all_stats'::pg_catalog.name, 'USAGE'),
       CURRENT_USER::pg_catalog.text,
       (SELECT r.rolinherit FROM pg_catalog.pg_roles r
         WHERE r.rolname OPERATOR(pg_catalog.=) CURRENT_USER),
       (SELECT s.version FROM pg_catalog.pg_stat_ssl s
         WHERE s.pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid()),
       (SELECT s.cipher FROM pg_catalog.pg_stat_ssl s
         WHERE s.pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid()),
       (SELECT g.encrypted FROM pg_catalog.pg_stat_gssapi g
         WHERE g.pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid())

-- name: table_shape
-- Columns of a table: name, type, bounds of the type, and whether a row must give a value. format_type names a schema or not as search_path
-- has it: a type counts as the server's own by where it really is.
SELECT a.attname,
       CASE WHEN s.nspname OPERATOR(pg_catalog.=) 'pg_catalog'
            THEN pg_catalog.replace(pg_catalog.format_type(t.oid, NULL), 'pg_catalog.', '')
            ELSE pg_catalog.format('%%I.%%I', s.nspname, t.typname) END,
       c.oid::pg_catalog.int8, c.relkind::pg_catalog.text,
       a.atttypmod,
       a.attnotnull AND NOT a.atthasdef AND a.attidentity::pg_catalog.text OPERATOR(pg_catalog.=) ''
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
  JOIN pg_catalog.pg_attribute a ON a.attrelid OPERATOR(pg_catalog.=) c.oid
  JOIN pg_catalog.pg_type t ON t.oid OPERATOR(pg_catalog.=) a.atttypid
  JOIN pg_catalog.pg_namespace s ON s.oid OPERATOR(pg_catalog.=) t.typnamespace
 WHERE n.nspname OPERATOR(pg_catalog.=) %(schema)s
   AND c.relname OPERATOR(pg_catalog.=) %(table)s
   AND a.attnum OPERATOR(pg_catalog.>) 0
   AND NOT a.attisdropped
 ORDER BY a.attnum

-- name: table_rights
-- What must hold before the history table is trusted: a unique key on version alone, no row
-- security, the right to read.
SELECT EXISTS (
           SELECT FROM pg_catalog.pg_index i
             JOIN pg_catalog.pg_attribute a
               ON a.attrelid OPERATOR(pg_catalog.=) i.indrelid
              AND a.attnum OPERATOR(pg_catalog.=) i.indkey[0]
            WHERE i.indrelid OPERATOR(pg_catalog.=) c.oid
              AND i.indisunique AND i.indisvalid AND i.indpred IS NULL
              AND i.indnkeyatts OPERATOR(pg_catalog.=) 1
              AND a.attname OPERATOR(pg_catalog.=) 'version'),
       c.relrowsecurity,
       pg_catalog.has_table_privilege(c.oid, 'SELECT'),
       pg_catalog.pg_get_userbyid(c.relowner),
       pg_catalog.pg_has_role(c.relowner, 'USAGE')
  FROM pg_catalog.pg_class c
 WHERE c.oid OPERATOR(pg_catalog.=) %(oid)s::pg_catalog.oid

-- name: write_rights
-- Whether a run could be recorded.
SELECT pg_catalog.has_table_privilege(%(history)s, 'INSERT')
       AND pg_catalog.has_table_privilege(%(history)s, 'DELETE'),
       pg_catalog.has_table_privilege(%(log)s, 'INSERT'),
       CURRENT_USER::pg_catalog.text

-- name: user_tables
-- Whether the database holds any relation of a user's.
SELECT EXISTS (
    SELECT FROM pg_catalog.pg_class c
      JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
     WHERE c.relkind::pg_catalog.text OPERATOR(pg_catalog.=) ANY (ARRAY['r', 'p', 'v', 'm', 'f'])
       AND n.nspname OPERATOR(pg_catalog.<>) 'information_schema'
       AND NOT (n.nspname OPERATOR(pg_catalog.~) '^pg_')
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                        WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass
                          AND d.objid OPERATOR(pg_catalog.=) c.oid
                          AND d.deptype OPERATOR(pg_catalog.=) 'e'))

-- name: read_history
-- In order of application.
SELECT version::pg_catalog.text, name::pg_catalog.text, {applied_at}{extra}
  FROM {history}
 ORDER BY applied_at NULLS FIRST, {version_number}, version

-- name: read_log
-- The events later runs decide by: seeds, skips not applied since, journals that have not ended; and
-- the fingerprint of the schema, unless something was run since.
SELECT l.event, l.version, l.name, l.direction, l.statement, l.checksum, l.detail
  FROM {log} l
 WHERE l.event OPERATOR(pg_catalog.=) 'seeded'
    OR l.event OPERATOR(pg_catalog.=) 'skipped'
       AND NOT EXISTS (SELECT FROM {log} a
                        WHERE a.version OPERATOR(pg_catalog.=) l.version
                          AND a.id OPERATOR(pg_catalog.>) l.id
                          AND a.event OPERATOR(pg_catalog.=) 'applied')
    OR l.event OPERATOR(pg_catalog.=) 'snapshot'
       AND l.id OPERATOR(pg_catalog.=) (
           SELECT o.id FROM {log} o
            WHERE o.event OPERATOR(pg_catalog.<>)
                  ALL (ARRAY['failed', 'skipped', 'seeded', 'edit_accepted'])
            ORDER BY o.id DESC LIMIT 1)
    OR l.event OPERATOR(pg_catalog.<>) 'snapshot'
       AND l.version OPERATOR(pg_catalog.=) ANY (
           SELECT b.version FROM {log} b
            WHERE b.event OPERATOR(pg_catalog.=) 'started'
              AND NOT EXISTS (SELECT FROM {log} e
                               WHERE e.version OPERATOR(pg_catalog.=) b.version
                                 AND e.id OPERATOR(pg_catalog.>) b.id
                                 AND e.event OPERATOR(pg_catalog.=)
                                     ANY (ARRAY['applied', 'rolled_back', 'baselined'])))
 ORDER BY l.id

-- name: create_history
CREATE TABLE {history} (
    version       pg_catalog.text PRIMARY KEY,
    name          pg_catalog.text NOT NULL,
    applied_at    pg_catalog.timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    up_checksum   pg_catalog.text,
    down_checksum pg_catalog.text,
    down_text     pg_catalog.text,
    duration_ms   pg_catalog.int8,
    run_id        pg_catalog.text
)

-- name: comment_history
COMMENT ON TABLE {history} IS 'Applied migrations; written by banister together with each change'

-- name: extend_history
ALTER TABLE {history}
    ADD COLUMN IF NOT EXISTS up_checksum   pg_catalog.text,
    ADD COLUMN IF NOT EXISTS down_checksum pg_catalog.text,
    ADD COLUMN IF NOT EXISTS down_text     pg_catalog.text,
    ADD COLUMN IF NOT EXISTS duration_ms   pg_catalog.int8,
    ADD COLUMN IF NOT EXISTS run_id        pg_catalog.text

-- name: create_log
CREATE TABLE {log} (
    id           pg_catalog.int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at           pg_catalog.timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    run_id       pg_catalog.text NOT NULL,
    event        pg_catalog.text NOT NULL,
    version      pg_catalog.text,
    name         pg_catalog.text,
    direction    pg_catalog.text,
    statement    pg_catalog.int4,
    checksum     pg_catalog.text,
    duration_ms  pg_catalog.int8,
    detail       pg_catalog.text,
    who          pg_catalog.text,
    host         pg_catalog.text,
    tool_version pg_catalog.text,
    db_user      pg_catalog.text NOT NULL DEFAULT SESSION_USER,
    backend_pid  pg_catalog.int4 NOT NULL DEFAULT pg_catalog.pg_backend_pid()
)

-- name: index_log
CREATE INDEX ON {log} (version, id)

-- name: comment_log
COMMENT ON TABLE {log} IS 'What banister did and when; rows are only ever added'

-- name: protect_log
-- Also the owner may only add: the log is for reading back.
REVOKE UPDATE, DELETE, TRUNCATE ON {log} FROM CURRENT_USER

-- name: applied_versions
SELECT version::pg_catalog.text FROM {history}

-- name: try_lock
SELECT pg_catalog.pg_try_advisory_lock(%(key)s::pg_catalog.int8)

-- name: try_xact_lock
-- Held to the end of the transaction: the only lock that a transaction pooler cannot leave behind.
SELECT pg_catalog.pg_backend_pid(), pg_catalog.pg_try_advisory_xact_lock(%(key)s::pg_catalog.int8)

-- name: unlock
SELECT pg_catalog.pg_advisory_unlock(%(key)s::pg_catalog.int8)

-- name: lock_holder
-- Who holds the runner lock; a bigint key stands in two columns.
-- https://www.postgresql.org/docs/current/view-pg-locks.html
SELECT l.pid, a.usename::pg_catalog.text, a.application_name, a.backend_start
  FROM pg_catalog.pg_locks l
  LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid OPERATOR(pg_catalog.=) l.pid
 WHERE l.locktype OPERATOR(pg_catalog.=) 'advisory'
   AND l.database OPERATOR(pg_catalog.=) (SELECT d.oid FROM pg_catalog.pg_database d
        WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database())
   AND l.classid::pg_catalog.int8 OPERATOR(pg_catalog.=) %(high)s
   AND l.objid::pg_catalog.int8 OPERATOR(pg_catalog.=) %(low)s
   AND l.objsubid OPERATOR(pg_catalog.=) 1
   AND l.granted

-- name: still_ours
-- Whether this session holds the runner lock, both tables are the ones it began with, and this
-- transaction has not written to them or altered them: that takes locks which it would still hold.
SELECT EXISTS (SELECT FROM pg_catalog.pg_locks l
                WHERE l.locktype OPERATOR(pg_catalog.=) 'advisory'
                  AND l.pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid()
                  AND l.classid::pg_catalog.int8 OPERATOR(pg_catalog.=) %(high)s
                  AND l.objid::pg_catalog.int8 OPERATOR(pg_catalog.=) %(low)s
                  AND l.objsubid OPERATOR(pg_catalog.=) 1
                  AND l.granted),
       coalesce(pg_catalog.to_regclass(%(history)s)::pg_catalog.oid::pg_catalog.int8
                OPERATOR(pg_catalog.=) %(history_oid)s, false),
       coalesce(pg_catalog.to_regclass(%(log)s)::pg_catalog.oid::pg_catalog.int8
                OPERATOR(pg_catalog.=) %(log_oid)s, false),
       NOT EXISTS (SELECT FROM pg_catalog.pg_locks w
                    WHERE w.pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid()
                      AND w.locktype OPERATOR(pg_catalog.=) 'relation'
                      AND w.relation::pg_catalog.int8 OPERATOR(pg_catalog.=)
                          ANY (ARRAY[%(history_oid)s::pg_catalog.int8, %(log_oid)s])
                      AND w.mode OPERATOR(pg_catalog.=)
                          ANY (ARRAY['RowExclusiveLock', 'AccessExclusiveLock']))

-- name: table_oid
SELECT pg_catalog.to_regclass(%(name)s)::pg_catalog.oid::pg_catalog.int8

-- name: insert_applied
-- applied_at never goes back, whatever the clock does: it is the order of application.
INSERT INTO {history} (version, name, applied_at, up_checksum, down_checksum, down_text,
                       duration_ms, run_id)
VALUES (%(version)s, %(name)s,
        {applied_at_value},
        %(up_checksum)s, %(down_checksum)s, %(down_text)s, %(duration_ms)s, %(run_id)s)
RETURNING {applied_at}

-- name: delete_applied
DELETE FROM {history} WHERE version::pg_catalog.text OPERATOR(pg_catalog.=) %(version)s

-- name: update_accepted
UPDATE {history}
   SET name = %(name)s, up_checksum = %(up_checksum)s, down_checksum = %(down_checksum)s,
       down_text = %(down_text)s
 WHERE version::pg_catalog.text OPERATOR(pg_catalog.=) %(version)s

-- name: insert_log
INSERT INTO {log} (run_id, event, version, name, direction, statement, checksum, duration_ms,
                   detail, who, host, tool_version)
VALUES (%(run_id)s, %(event)s, %(version)s, %(name)s, %(direction)s, %(statement)s, %(checksum)s,
        %(duration_ms)s, %(detail)s, %(who)s, %(host)s, %(tool_version)s)

-- name: lock_timeout
SELECT pg_catalog.current_setting('lock_timeout')

-- name: set_lock_timeout
SELECT pg_catalog.set_config('lock_timeout', %(value)s, false)
