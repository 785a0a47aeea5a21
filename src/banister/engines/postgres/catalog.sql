-- The schema of a database, kind by kind: relations and their parts. What is made of code is in
-- catalog_code.sql, the rest in catalog_rest.sql.
--
-- They run under an empty search_path, so that functions and operators can only be those of
-- pg_catalog, and that every name in a text that the server writes stands with its schema. Catalogs
-- are named with theirs, since a temporary table would be found before them.
--
-- A row begins with: kind, class (the catalog it is in), oid, of_class and of (what it is in or a
-- part of; where that is not in the snapshot, nor is the row), name. What follows are the properties
-- under their names; NULL is left out. A last column `"-"` is for the reader, and no property.
--
-- Objects made by initdb have OIDs below 16384:
-- https://www.postgresql.org/docs/current/system-catalog-initial-data.html#SYSTEM-CATALOG-OID-ASSIGNMENT

-- name: settings
-- Whatever changes how the server writes a value or an expression, or makes it slow.
SELECT set_config('search_path', '', true), set_config('datestyle', 'ISO, YMD', true),
       set_config('intervalstyle', 'postgres', true), set_config('timezone', 'UTC', true),
       set_config('extra_float_digits', '3', true), set_config('bytea_output', 'hex', true),
       set_config('quote_all_identifiers', 'off', true), set_config('xmlbinary', 'base64', true),
       set_config('standard_conforming_strings', 'on', true), set_config('jit', 'off', true)

-- name: lock_timeout
-- The server reads a view's or an index's definition under a lock.
SELECT set_config('lock_timeout', %(wait)s, true)

-- name: database
SELECT pg_get_userbyid(d.datdba)::text FROM pg_catalog.pg_database d
 WHERE d.datname = current_database()

-- name: history_owner
-- Who runs the migrations.
SELECT pg_get_userbyid(c.relowner)::text
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = %(schema)s AND c.relname = %(name)s

-- name: extension_members
SELECT classid::regclass::text, objid::int8 FROM pg_catalog.pg_depend WHERE deptype = 'e'

-- name: schemas
SELECT 'schema', 'pg_namespace', n.oid::int8, NULL, 0::int8, quote_ident(n.nspname),
       pg_get_userbyid(n.nspowner)::text AS owner
  FROM pg_catalog.pg_namespace n
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'

-- name: relations
SELECT CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view'
                      WHEN 'f' THEN 'foreign table' ELSE 'table' END,
       'pg_class', c.oid::int8, 'pg_namespace', c.relnamespace::int8, quote_ident(c.relname),
       pg_get_userbyid(c.relowner)::text AS owner,
       CASE c.relpersistence WHEN 'u' THEN 'yes' END AS unlogged,
       CASE WHEN c.reloftype <> 0 THEN format_type(c.reloftype, NULL) END AS "of type",
       CASE WHEN NOT c.relispartition THEN
           (SELECT string_agg(i.inhparent::regclass::text, ', ' ORDER BY i.inhseqno)
              FROM pg_catalog.pg_inherits i WHERE i.inhrelid = c.oid) END AS inherits,
       CASE WHEN c.relispartition THEN
           (SELECT i.inhparent::regclass::text || ' ' || pg_get_expr(c.relpartbound, c.oid)
                   || CASE WHEN i.inhdetachpending THEN ' (detach pending)' ELSE '' END
              FROM pg_catalog.pg_inherits i WHERE i.inhrelid = c.oid) END AS "partition of",
       CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END AS "partition by",
       CASE WHEN c.relam <> 0 THEN
           (SELECT NULLIF(m.amname, 'heap')::text FROM pg_catalog.pg_am m WHERE m.oid = c.relam)
       END AS "access method",
       CASE WHEN c.reltablespace <> 0 THEN
           (SELECT s.spcname::text FROM pg_catalog.pg_tablespace s WHERE s.oid = c.reltablespace)
       END AS tablespace,
       CASE WHEN c.reloptions IS NOT NULL OR c.reltoastrelid <> 0 THEN
           (SELECT string_agg(o.option, ', ' ORDER BY o.option COLLATE "C")
              FROM (SELECT unnest(c.reloptions) AS option
                    UNION ALL
                    SELECT 'toast.' || unnest(t.reloptions) FROM pg_catalog.pg_class t
                     WHERE t.oid = c.reltoastrelid) o) END AS options,
       CASE WHEN c.relrowsecurity OR c.relforcerowsecurity THEN
           CASE WHEN c.relrowsecurity THEN 'enabled' ELSE 'disabled' END
           || CASE WHEN c.relforcerowsecurity THEN ', forced' ELSE '' END END AS "row security",
       CASE c.relreplident WHEN 'n' THEN 'nothing' WHEN 'f' THEN 'full' WHEN 'i' THEN
           (SELECT 'index ' || quote_ident(x.relname) FROM pg_catalog.pg_index i
              JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
             WHERE i.indrelid = c.oid AND i.indisreplident) END AS "replica identity",
       CASE WHEN c.relhasindex AND c.relkind IN ('r', 'm') THEN
           (SELECT quote_ident(x.relname) FROM pg_catalog.pg_index i
              JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
             WHERE i.indrelid = c.oid AND i.indisclustered) END AS "clustered on",
       CASE WHEN c.relkind = 'f' THEN
           (SELECT quote_ident(s.srvname) FROM pg_catalog.pg_foreign_table f
              JOIN pg_catalog.pg_foreign_server s ON s.oid = f.ftserver
             WHERE f.ftrelid = c.oid) END AS server,
       CASE WHEN c.relkind = 'f' THEN
           (SELECT f.ftoptions FROM pg_catalog.pg_foreign_table f
             WHERE f.ftrelid = c.oid) END AS "foreign options",
       CASE WHEN c.relkind IN ('v', 'm')
            THEN ltrim(rtrim(pg_get_viewdef(c.oid), ';'), ' ') END AS definition
  FROM pg_catalog.pg_class c
 WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.oid >= 16384 AND c.relpersistence <> 't'

-- name: columns
-- Defaults are looked up one by one: few columns have one, and a join looks for all.
-- NOT NULL has had constraints of its own since 18; a name that the server gave is left out.
SELECT 'column', 'pg_class', a.attrelid::int8, 'pg_class', a.attrelid::int8, quote_ident(a.attname),
       format_type(a.atttypid, a.atttypmod) AS type,
       CASE WHEN a.attcollation <> t.typcollation THEN a.attcollation::regcollation::text END
           AS collation,
       CASE WHEN NOT a.attnotnull THEN NULL
            WHEN k.convalidated IS FALSE THEN 'not valid'
            WHEN k.connoinherit THEN 'no inherit' ELSE 'yes' END AS "not null",
       CASE WHEN k.conname <> c.relname || '_' || a.attname || '_not_null'
            THEN quote_ident(k.conname) END AS "not null constraint",
       CASE WHEN a.atthasdef AND a.attgenerated = '' THEN
           (SELECT pg_get_expr(d.adbin, d.adrelid) FROM pg_catalog.pg_attrdef d
             WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum) END AS default,
       CASE a.attidentity WHEN 'a' THEN 'always' WHEN 'd' THEN 'by default' END AS identity,
       CASE WHEN a.attgenerated <> '' THEN
           (SELECT pg_get_expr(d.adbin, d.adrelid) FROM pg_catalog.pg_attrdef d
             WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum)
           || CASE a.attgenerated WHEN 's' THEN ' stored' ELSE ' virtual' END END AS generated,
       CASE WHEN a.attstorage <> t.typstorage AND c.relkind NOT IN ('v', 'f') THEN
           CASE a.attstorage WHEN 'p' THEN 'plain' WHEN 'e' THEN 'external'
                             WHEN 'm' THEN 'main' ELSE 'extended' END END AS storage,
       CASE a.attcompression WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' END AS compression,
       CASE WHEN a.attstattarget >= 0 THEN a.attstattarget::text END AS "statistics target",
       array_to_string(a.attoptions, ', ') AS options,
       a.attfdwoptions AS "foreign options",
       CASE WHEN a.attinhcount > 0 AND NOT c.relispartition THEN
           CASE WHEN a.attislocal THEN 'yes, and its own' ELSE 'yes' END END AS inherited,
       a.attnum::int4 AS "-"
  FROM pg_catalog.pg_attribute a
  JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
  JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
  LEFT JOIN pg_catalog.pg_constraint k
         ON k.conrelid = a.attrelid AND k.contype = 'n' AND k.conkey[1] = a.attnum
 WHERE a.attrelid >= 16384 AND a.attnum > 0 AND NOT a.attisdropped
   AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relpersistence <> 't'

-- name: constraints
-- Of tables and of domains. What stands behind a foreign key of a partition is the server's affair.
SELECT 'constraint', 'pg_constraint', k.oid::int8,
       CASE WHEN k.conrelid <> 0 THEN 'pg_class' ELSE 'pg_type' END,
       CASE WHEN k.conrelid <> 0 THEN k.conrelid ELSE k.contypid END::int8, quote_ident(k.conname),
       pg_get_constraintdef(k.oid) AS definition,
       CASE WHEN NOT i.indisvalid THEN 'no' END AS valid,
       CASE WHEN k.coninhcount > 0 AND NOT k.conislocal THEN 'yes' END AS inherited,
       CASE WHEN x.reloptions IS NOT NULL THEN
           (SELECT string_agg(o, ', ' ORDER BY o COLLATE "C") FROM unnest(x.reloptions) o)
       END AS options,
       CASE WHEN x.reltablespace <> 0 THEN
           (SELECT s.spcname::text FROM pg_catalog.pg_tablespace s WHERE s.oid = x.reltablespace)
       END AS tablespace
  FROM pg_catalog.pg_constraint k
  LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = k.conindid AND k.contype IN ('p', 'u', 'x')
  LEFT JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
 WHERE k.oid >= 16384
   AND (k.contype IN ('c', 'p', 'u', 'x') OR k.contype = 'f' AND k.conparentid = 0)

-- name: indexes
-- Those that no constraint stands for. The options are taken out of the definition: setting one and
-- resetting it leaves no trace in the texts that people compare.
SELECT 'index', 'pg_class', i.indexrelid::int8, 'pg_class', i.indrelid::int8,
       quote_ident(x.relname),
       CASE WHEN x.reloptions IS NULL THEN pg_get_indexdef(i.indexrelid) ELSE
           replace(pg_get_indexdef(i.indexrelid), ' WITH (' ||
               (SELECT string_agg(quote_ident(o.name) || '='
                                  || CASE WHEN quote_ident(o.value) = o.value THEN o.value
                                          ELSE quote_literal(o.value) END, ', ' ORDER BY o.place)
                  FROM (SELECT split_part(p.option, '=', 1) AS name, p.place,
                               substr(p.option, strpos(p.option, '=') + 1) AS value
                          FROM unnest(x.reloptions) WITH ORDINALITY p (option, place)) o)
               || ')', '')
       END AS definition,
       CASE WHEN NOT i.indisvalid THEN 'no' END AS valid,
       CASE WHEN x.relispartition THEN
           (SELECT h.inhparent::regclass::text FROM pg_catalog.pg_inherits h
             WHERE h.inhrelid = i.indexrelid) END AS "attached to",
       CASE WHEN x.reloptions IS NOT NULL THEN
           (SELECT string_agg(o, ', ' ORDER BY o COLLATE "C") FROM unnest(x.reloptions) o)
       END AS options,
       CASE WHEN x.reltablespace <> 0 THEN
           (SELECT s.spcname::text FROM pg_catalog.pg_tablespace s WHERE s.oid = x.reltablespace)
       END AS tablespace,
       CASE WHEN i.indexprs IS NOT NULL THEN
           (SELECT string_agg(a.attnum || '=' || a.attstattarget, ', ' ORDER BY a.attnum)
              FROM pg_catalog.pg_attribute a
             WHERE a.attrelid = i.indexrelid AND a.attstattarget >= 0) END AS "statistics targets"
  FROM pg_catalog.pg_index i
  JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
 WHERE i.indexrelid >= 16384
   AND x.relnamespace <> 'pg_toast'::regnamespace AND x.relpersistence <> 't'
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k
                    WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))

-- name: sequences
-- That of an identity column is a part of the table. What CREATE SEQUENCE would choose by itself is
-- left out.
SELECT 'sequence', 'pg_class', c.oid::int8,
       CASE d.deptype WHEN 'i' THEN 'pg_class' ELSE 'pg_namespace' END,
       CASE d.deptype WHEN 'i' THEN d.refobjid ELSE c.relnamespace END::int8,
       quote_ident(c.relname),
       pg_get_userbyid(c.relowner)::text AS owner,
       CASE c.relpersistence WHEN 'u' THEN 'yes' END AS unlogged,
       format_type(s.seqtypid, NULL) AS type,
       NULLIF(s.seqincrement, 1)::text AS increment,
       CASE WHEN s.seqincrement < 0 OR s.seqmin <> 1 THEN s.seqmin::text END AS minimum,
       CASE WHEN s.seqincrement < 0 OR s.seqmax <> CASE s.seqtypid WHEN 21 THEN 32767
            WHEN 23 THEN 2147483647 ELSE 9223372036854775807 END THEN s.seqmax::text END AS maximum,
       CASE WHEN s.seqincrement < 0 OR s.seqstart <> s.seqmin THEN s.seqstart::text END AS start,
       NULLIF(s.seqcache, 1)::text AS cache,
       CASE WHEN s.seqcycle THEN 'yes' END AS cycle,
       CASE d.deptype WHEN 'a' THEN d.refobjid::regclass::text || '.' || quote_ident(a.attname) END
           AS "owned by",
       CASE d.deptype WHEN 'i' THEN quote_ident(a.attname) END AS "identity of",
       d.refobjid::int8 AS "-"
  FROM pg_catalog.pg_sequence s
  JOIN pg_catalog.pg_class c ON c.oid = s.seqrelid
  LEFT JOIN pg_catalog.pg_depend d
         ON d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.objsubid = 0
        AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.deptype IN ('a', 'i')
  LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
 WHERE c.oid >= 16384 AND c.relpersistence <> 't'

-- name: triggers
-- Also one of a partition that is switched on in another way than its parent's.
SELECT 'trigger', 'pg_trigger', t.oid::int8, 'pg_class', t.tgrelid::int8, quote_ident(t.tgname),
       pg_get_triggerdef(t.oid) AS definition,
       CASE t.tgenabled WHEN 'D' THEN 'no' WHEN 'R' THEN 'on replicas' WHEN 'A' THEN 'always' END
           AS enabled
  FROM pg_catalog.pg_trigger t
  LEFT JOIN pg_catalog.pg_trigger u ON u.oid = t.tgparentid
 WHERE CASE WHEN t.tgparentid = 0 THEN NOT t.tgisinternal
            ELSE NOT u.tgisinternal AND t.tgenabled <> u.tgenabled END

-- name: policies
SELECT 'policy', 'pg_policy', p.oid::int8, 'pg_class', p.polrelid::int8, quote_ident(p.polname),
       CASE WHEN NOT p.polpermissive THEN 'yes' END AS restrictive,
       CASE p.polcmd WHEN 'r' THEN 'select' WHEN 'a' THEN 'insert' WHEN 'w' THEN 'update'
                     WHEN 'd' THEN 'delete' ELSE 'all' END AS command,
       CASE WHEN p.polroles <> '{0}' THEN
           (SELECT string_agg(quote_ident(pg_get_userbyid(r)), ', '
                              ORDER BY pg_get_userbyid(r) COLLATE "C") FROM unnest(p.polroles) r)
       END AS roles,
       pg_get_expr(p.polqual, p.polrelid) AS using,
       pg_get_expr(p.polwithcheck, p.polrelid) AS "with check"
  FROM pg_catalog.pg_policy p

-- name: rules
SELECT 'rule', 'pg_rewrite', r.oid::int8, 'pg_class', r.ev_class::int8, quote_ident(r.rulename),
       pg_get_ruledef(r.oid) AS definition,
       CASE r.ev_enabled WHEN 'D' THEN 'no' WHEN 'R' THEN 'on replicas' WHEN 'A' THEN 'always' END
           AS enabled
  FROM pg_catalog.pg_rewrite r
 WHERE r.oid >= 16384 AND r.rulename <> '_RETURN'

-- name: statistics
SELECT 'statistics', 'pg_statistic_ext', s.oid::int8, 'pg_class', s.stxrelid::int8,
       CASE n.nspname WHEN 'public' THEN '' ELSE quote_ident(n.nspname) || '.' END
           || quote_ident(s.stxname),
       pg_get_userbyid(s.stxowner)::text AS owner,
       pg_get_statisticsobjdef(s.oid) AS definition,
       CASE WHEN s.stxstattarget >= 0 THEN s.stxstattarget::text END AS target
  FROM pg_catalog.pg_statistic_ext s
  JOIN pg_catalog.pg_namespace n ON n.oid = s.stxnamespace
