-- SQL of the SQLite adapter. {history} and {log} are quoted names with their schema, always main: a
-- temporary table of the same name must never stand in for them.

-- name: create_history
-- The first three columns are a contract with other runners.
CREATE TABLE {history} (
    version TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL,
    applied_at TEXT NOT NULL,
    up_checksum TEXT,
    down_checksum TEXT,
    down_text TEXT,
    duration_ms INTEGER,
    run_id TEXT
)

-- name: add_up_checksum
ALTER TABLE {history} ADD COLUMN up_checksum TEXT

-- name: add_down_checksum
ALTER TABLE {history} ADD COLUMN down_checksum TEXT

-- name: add_down_text
ALTER TABLE {history} ADD COLUMN down_text TEXT

-- name: add_duration_ms
ALTER TABLE {history} ADD COLUMN duration_ms INTEGER

-- name: add_run_id
ALTER TABLE {history} ADD COLUMN run_id TEXT

-- name: create_log
CREATE TABLE {log} (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL,
    run_id TEXT NOT NULL,
    event TEXT NOT NULL,
    version TEXT,
    name TEXT,
    direction TEXT,
    statement INTEGER,
    checksum TEXT,
    duration_ms INTEGER,
    detail TEXT,
    who TEXT,
    host TEXT,
    tool_version TEXT,
    pid INTEGER
)

-- name: forbid_log_update
CREATE TRIGGER {log_no_update} BEFORE UPDATE ON {log_table}
BEGIN
    SELECT RAISE(ABORT, 'the migration log is only ever added to');
END

-- name: forbid_log_delete
CREATE TRIGGER {log_no_delete} BEFORE DELETE ON {log_table}
BEGIN
    SELECT RAISE(ABORT, 'the migration log is only ever added to');
END

-- name: unique_key
-- Shown as advice, never run.
CREATE UNIQUE INDEX {history_version} ON {history_table} (version)

-- name: find_object
-- Names of SQLite differ by more than the case of ASCII letters.
SELECT type, sql FROM main.sqlite_master
WHERE name = ? COLLATE NOCASE AND type IN ('table', 'view')

-- name: columns
SELECT name, type, "notnull", dflt_value, pk, hidden FROM pragma_table_xinfo(?, 'main')

-- name: unique_indexes
SELECT name FROM pragma_index_list(?, 'main') WHERE "unique" AND NOT partial

-- name: index_columns
SELECT name FROM pragma_index_info(?, 'main')

-- name: user_objects
SELECT count(*) FROM main.sqlite_master
WHERE type IN ('table', 'view')
    AND name NOT LIKE 'sqlite\_%' ESCAPE '\'
    AND name <> ? COLLATE NOCASE
    AND name <> ? COLLATE NOCASE

-- name: telling_events
-- Events that show work on this database. A first run that failed or only noted what it left out
-- leaves a new database new.
SELECT count(*) FROM {log} WHERE event NOT IN ('failed', 'skipped')

-- name: read_history
SELECT version, name, applied_at, up_checksum, down_checksum, NULL, down_text IS NOT NULL,
    duration_ms FROM {history}

-- name: read_history_with_downs
SELECT version, name, applied_at, up_checksum, down_checksum, down_text, down_text IS NOT NULL,
    duration_ms FROM {history}

-- name: read_foreign_history
-- Another runner's table, before our columns are added.
SELECT version, name, applied_at, NULL, NULL, NULL, 0, NULL FROM {history}

-- name: read_log
-- What later runs decide by: versions that were never begun outside a transaction nor left out have
-- nothing to tell. The fingerprint of the schema counts unless something was run since.
SELECT event, version, name, direction, statement, checksum, detail FROM {log}
WHERE event = 'seeded'
    OR event = 'snapshot' AND id = (
        SELECT id FROM {log} WHERE event NOT IN ('failed', 'skipped', 'seeded', 'edit_accepted')
        ORDER BY id DESC LIMIT 1
    )
    OR event <> 'snapshot' AND CAST(version AS INTEGER) IN (
        SELECT CAST(version AS INTEGER) FROM {log} WHERE event IN ('started', 'skipped')
    )
ORDER BY id

-- name: applied
SELECT version, applied_at FROM {history}

-- name: journaled
-- How many statements of a version, given twice, are known to be done since it was begun.
SELECT count(*) FROM {log}
WHERE ltrim(version, '0') = ltrim(?, '0')
    AND (event = 'statement_done' OR event = 'decided' AND detail = 'done')
    AND id > coalesce((
        SELECT max(id) FROM {log}
        WHERE ltrim(version, '0') = ltrim(?, '0')
            AND event IN ('started', 'applied', 'rolled_back', 'baselined')
    ), 0)

-- name: changed
-- Rows that the last INSERT, UPDATE or DELETE has really changed.
SELECT changes()

-- name: add_row
INSERT INTO {history}
    (version, name, applied_at, up_checksum, down_checksum, down_text, duration_ms, run_id)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)

-- name: remove_row
DELETE FROM {history} WHERE version = ?

-- name: accept_edit
UPDATE {history} SET name = ?, up_checksum = ?, down_checksum = ?, down_text = ? WHERE version = ?

-- name: add_event
INSERT INTO {log}
    (at, run_id, event, version, name, direction, statement, checksum, duration_ms, detail, who,
     host, tool_version, pid)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)

-- name: tables
SELECT name FROM main.sqlite_master WHERE type = 'table'

-- name: foreign_key_check
SELECT rowid, parent, fkid FROM pragma_foreign_key_check(?, 'main')

-- name: foreign_key_columns
SELECT "from" FROM pragma_foreign_key_list(?, 'main') WHERE id = ? ORDER BY seq

-- name: losing_children
-- Foreign keys that would change rows of other tables if all rows of a table were deleted.
SELECT m.name, f.id, min(f.on_delete)
FROM main.sqlite_master AS m JOIN pragma_foreign_key_list(m.name, 'main') AS f
WHERE m.type = 'table' AND m.name <> ?1 COLLATE NOCASE AND f."table" = ?1 COLLATE NOCASE
    AND f.on_delete IN ('CASCADE', 'SET NULL', 'SET DEFAULT')
GROUP BY m.name, f.id
ORDER BY m.name, f.id

-- name: standing_skips
-- Versions whose skip is recorded and not overtaken.
SELECT version FROM {log} AS s
WHERE event = 'skipped'
    AND NOT EXISTS (
        SELECT 1 FROM {log} AS e
        WHERE ltrim(e.version, '0') = ltrim(s.version, '0') AND e.id > s.id
            AND e.event IN ('applied', 'rolled_back', 'baselined')
    )

-- name: schema
-- What SQLite made by itself has a name of its own, or no text.
SELECT type, name, tbl_name, sql FROM main.sqlite_master
WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\_%' ESCAPE '\'

-- name: facts
-- Also what SQLite made by itself, whose root pages are some table's; but not its own tables.
SELECT type, name, tbl_name, rootpage, sql FROM main.sqlite_master
WHERE type <> 'table' OR name NOT LIKE 'sqlite\_%' ESCAPE '\'
ORDER BY rowid

-- name: schema_columns
-- Not of virtual tables, whose module may not be there.
SELECT m.name, x.name, x.type, x."notnull", x.dflt_value, x.hidden
FROM main.sqlite_master AS m, pragma_table_xinfo(m.name, 'main') AS x
WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite\_%' ESCAPE '\'
    AND upper(m.sql) NOT LIKE 'CREATE VIRTUAL%'
ORDER BY m.name, x.cid

-- name: key_columns
-- The columns of every unique index and key that is not partial; NULL stands for an expression.
SELECT m.name, l.name, l.origin, i.name
FROM main.sqlite_master AS m, pragma_index_list(m.name, 'main') AS l,
    pragma_index_info(l.name, 'main') AS i
WHERE m.type = 'table' AND l."unique" = 1 AND l.partial = 0
    AND upper(m.sql) NOT LIKE 'CREATE VIRTUAL%'
ORDER BY m.name, l.origin = 'pk' DESC, l.seq, i.seqno

-- name: primary_keys
SELECT m.name, x.name
FROM main.sqlite_master AS m, pragma_table_xinfo(m.name, 'main') AS x
WHERE m.type = 'table' AND x.pk > 0 AND m.name NOT LIKE 'sqlite\_%' ESCAPE '\'
    AND upper(m.sql) NOT LIKE 'CREATE VIRTUAL%'
ORDER BY m.name, x.pk

-- name: references
-- Foreign keys, column by column; no column of the other table: its primary key is meant.
SELECT m.name, f.id, f."table", f."from", f."to"
FROM main.sqlite_master AS m, pragma_foreign_key_list(m.name, 'main') AS f
WHERE m.type = 'table' AND upper(m.sql) NOT LIKE 'CREATE VIRTUAL%'
ORDER BY m.name, f.id, f.seq
