-- What the catalog tells about work that an earlier run left in the middle. The names are those of
-- the file, looked up by the search_path that holds there.

-- name: table_indexes
-- A table and its indexes as they stand: remembered before a build, compared after a crash.
SELECT c.oid::pg_catalog.int8,
       coalesce((SELECT pg_catalog.array_agg(i.indexrelid::pg_catalog.int8 ORDER BY i.indexrelid)
                   FROM pg_catalog.pg_index i
                  WHERE i.indrelid OPERATOR(pg_catalog.=) c.oid), '{}')
  FROM pg_catalog.pg_class c
 WHERE c.oid OPERATOR(pg_catalog.=) pg_catalog.to_regclass(%(name)s)::pg_catalog.oid

-- name: indexes_of
SELECT i.indexrelid::pg_catalog.int8, n.nspname::pg_catalog.text, x.relname::pg_catalog.text,
       i.indisvalid AND i.indisready AND i.indislive,
       EXISTS (SELECT FROM pg_catalog.pg_stat_progress_create_index p
                WHERE p.index_relid OPERATOR(pg_catalog.=) i.indexrelid)
  FROM pg_catalog.pg_index i
  JOIN pg_catalog.pg_class x ON x.oid OPERATOR(pg_catalog.=) i.indexrelid
  JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) x.relnamespace
 WHERE i.indrelid OPERATOR(pg_catalog.=) %(table)s::pg_catalog.oid
 ORDER BY 1

-- name: invalid_indexes
-- Everything that is not valid anywhere in this database.
SELECT i.indexrelid::pg_catalog.int8, n.nspname::pg_catalog.text, x.relname::pg_catalog.text
  FROM pg_catalog.pg_index i
  JOIN pg_catalog.pg_class x ON x.oid OPERATOR(pg_catalog.=) i.indexrelid
  JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) x.relnamespace
 WHERE NOT i.indisvalid AND x.relkind OPERATOR(pg_catalog.=) 'i'
 ORDER BY 1

-- name: relation_oids
SELECT pg_catalog.to_regclass(n.name)::pg_catalog.oid::pg_catalog.int8
  FROM pg_catalog.unnest(%(names)s::pg_catalog.text[]) AS n (name)

-- name: still_there
SELECT c.oid::pg_catalog.int8 FROM pg_catalog.pg_class c
 WHERE c.oid OPERATOR(pg_catalog.=) ANY (%(oids)s::pg_catalog.oid[])

-- name: partition
SELECT i.inhdetachpending
  FROM pg_catalog.pg_inherits i
 WHERE i.inhparent OPERATOR(pg_catalog.=) %(parent)s::pg_catalog.oid
   AND i.inhrelid OPERATOR(pg_catalog.=) %(child)s::pg_catalog.oid

-- name: qualified
SELECT n.nspname::pg_catalog.text, c.relname::pg_catalog.text
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
 WHERE c.oid OPERATOR(pg_catalog.=) %(oid)s::pg_catalog.oid

-- name: shared_object
SELECT CASE
       WHEN %(what)s::pg_catalog.text OPERATOR(pg_catalog.=) 'DATABASE' THEN EXISTS (
           SELECT FROM pg_catalog.pg_database d WHERE d.datname OPERATOR(pg_catalog.=) n.name)
       WHEN %(what)s::pg_catalog.text OPERATOR(pg_catalog.=) 'TABLESPACE' THEN EXISTS (
           SELECT FROM pg_catalog.pg_tablespace t WHERE t.spcname OPERATOR(pg_catalog.=) n.name)
       ELSE EXISTS (
           SELECT FROM pg_catalog.pg_subscription s WHERE s.subname OPERATOR(pg_catalog.=) n.name)
       END
  FROM (SELECT (pg_catalog.parse_ident(%(name)s))[1] AS name) n

-- name: prepared
SELECT EXISTS (SELECT FROM pg_catalog.pg_prepared_xacts p
                WHERE pg_catalog.quote_literal(p.gid) OPERATOR(pg_catalog.=) %(name)s)

-- name: try_table_lock
-- One builder a table: two CREATE INDEX CONCURRENTLY on one table end in a deadlock.
SELECT pg_catalog.pg_try_advisory_lock(%(space)s::pg_catalog.int4, %(table)s::pg_catalog.int4)

-- name: table_unlock
SELECT pg_catalog.pg_advisory_unlock(%(space)s::pg_catalog.int4, %(table)s::pg_catalog.int4)

-- name: table_lock_holder
SELECT l.pid FROM pg_catalog.pg_locks l
 WHERE l.locktype OPERATOR(pg_catalog.=) 'advisory'
   AND l.classid::pg_catalog.int8 OPERATOR(pg_catalog.=) %(space)s
   AND l.objid::pg_catalog.int8 OPERATOR(pg_catalog.=) %(table)s
   AND l.objsubid OPERATOR(pg_catalog.=) 2
   AND l.granted
