-- The schema of a database, kind by kind: what belongs to the database as a whole, comments and
-- privileges. What holds for every query is said in catalog.sql.

-- name: extensions
SELECT 'extension', 'pg_extension', e.oid::int8, NULL, 0::int8, quote_ident(e.extname),
       e.extnamespace::regnamespace::text AS schema,
       e.extversion AS version
  FROM pg_catalog.pg_extension e

-- name: languages
SELECT 'language', 'pg_language', l.oid::int8, NULL, 0::int8, quote_ident(l.lanname),
       pg_get_userbyid(l.lanowner)::text AS owner,
       l.lanplcallfoid::regproc::text AS handler,
       NULLIF(l.laninline::regproc::text, '-') AS inline,
       NULLIF(l.lanvalidator::regproc::text, '-') AS validator,
       CASE WHEN l.lanpltrusted THEN 'yes' END AS trusted
  FROM pg_catalog.pg_language l
 WHERE l.oid >= 16384

-- name: access_methods
SELECT 'access method', 'pg_am', a.oid::int8, NULL, 0::int8, quote_ident(a.amname),
       CASE a.amtype WHEN 'i' THEN 'index' ELSE 'table' END AS type,
       a.amhandler::text AS handler
  FROM pg_catalog.pg_am a
 WHERE a.oid >= 16384

-- name: wrappers
SELECT 'foreign data wrapper', 'pg_foreign_data_wrapper', w.oid::int8, NULL, 0::int8,
       quote_ident(w.fdwname),
       pg_get_userbyid(w.fdwowner)::text AS owner,
       NULLIF(w.fdwhandler::regproc::text, '-') AS handler,
       NULLIF(w.fdwvalidator::regproc::text, '-') AS validator,
       w.fdwoptions AS "foreign options"
  FROM pg_catalog.pg_foreign_data_wrapper w

-- name: servers
SELECT 'server', 'pg_foreign_server', s.oid::int8, NULL, 0::int8, quote_ident(s.srvname),
       pg_get_userbyid(s.srvowner)::text AS owner,
       quote_ident(w.fdwname) AS "foreign data wrapper",
       s.srvtype AS type,
       s.srvversion AS version,
       s.srvoptions AS "foreign options"
  FROM pg_catalog.pg_foreign_server s
  JOIN pg_catalog.pg_foreign_data_wrapper w ON w.oid = s.srvfdw

-- name: user_mappings
SELECT 'user mapping', 'pg_user_mapping', m.umid::int8, NULL, 0::int8,
       'for ' || CASE m.umuser WHEN 0 THEN 'PUBLIC' ELSE quote_ident(m.usename) END
           || ' server ' || quote_ident(m.srvname),
       m.umoptions AS "foreign options"
  FROM pg_catalog.pg_user_mappings m

-- name: event_triggers
SELECT 'event trigger', 'pg_event_trigger', e.oid::int8, NULL, 0::int8, quote_ident(e.evtname),
       pg_get_userbyid(e.evtowner)::text AS owner,
       e.evtevent::text AS event,
       array_to_string(e.evttags, ', ') AS tags,
       e.evtfoid::regproc::text AS function,
       CASE e.evtenabled WHEN 'D' THEN 'no' WHEN 'R' THEN 'on replicas' WHEN 'A' THEN 'always' END
           AS enabled
  FROM pg_catalog.pg_event_trigger e

-- name: publications
SELECT 'publication', 'pg_publication', p.oid::int8, NULL, 0::int8, quote_ident(p.pubname),
       pg_get_userbyid(p.pubowner)::text AS owner,
       CASE WHEN p.puballtables THEN 'yes' END AS "all tables",
       concat_ws(', ', CASE WHEN p.pubinsert THEN 'insert' END,
                 CASE WHEN p.pubupdate THEN 'update' END, CASE WHEN p.pubdelete THEN 'delete' END,
                 CASE WHEN p.pubtruncate THEN 'truncate' END) AS publish,
       CASE WHEN p.pubviaroot THEN 'yes' END AS "via partition root",
       CASE to_jsonb(p) ->> 'pubgencols' WHEN 's' THEN 'stored' END AS "generated columns",
       (SELECT string_agg(r.prrelid::regclass::text
                          || COALESCE(' (' || (SELECT string_agg(quote_ident(a.attname), ', '
                                                                 ORDER BY a.attnum)
                                                 FROM pg_catalog.pg_attribute a
                                                WHERE a.attrelid = r.prrelid
                                                  AND a.attnum = ANY (r.prattrs)) || ')', '')
                          || COALESCE(' where ' || pg_get_expr(r.prqual, r.prrelid), ''),
                          E'\n' ORDER BY r.prrelid::regclass::text COLLATE "C")
          FROM pg_catalog.pg_publication_rel r WHERE r.prpubid = p.oid) AS tables,
       (SELECT string_agg(n.pnnspid::regnamespace::text, ', '
                          ORDER BY n.pnnspid::regnamespace::text COLLATE "C")
          FROM pg_catalog.pg_publication_namespace n WHERE n.pnpubid = p.oid) AS schemas
  FROM pg_catalog.pg_publication p

-- name: publications_14
-- Without filters, columns and schemas, which came with 15.
SELECT 'publication', 'pg_publication', p.oid::int8, NULL, 0::int8, quote_ident(p.pubname),
       pg_get_userbyid(p.pubowner)::text AS owner,
       CASE WHEN p.puballtables THEN 'yes' END AS "all tables",
       concat_ws(', ', CASE WHEN p.pubinsert THEN 'insert' END,
                 CASE WHEN p.pubupdate THEN 'update' END, CASE WHEN p.pubdelete THEN 'delete' END,
                 CASE WHEN p.pubtruncate THEN 'truncate' END) AS publish,
       CASE WHEN p.pubviaroot THEN 'yes' END AS "via partition root",
       CASE to_jsonb(p) ->> 'pubgencols' WHEN 's' THEN 'stored' END AS "generated columns",
       (SELECT string_agg(r.prrelid::regclass::text, E'\n'
                          ORDER BY r.prrelid::regclass::text COLLATE "C")
          FROM pg_catalog.pg_publication_rel r WHERE r.prpubid = p.oid) AS tables
  FROM pg_catalog.pg_publication p

-- name: subscriptions
-- Not where it connects to, which holds a password; not what runs of it, which are data.
SELECT 'subscription', 'pg_subscription', s.oid::int8, NULL, 0::int8, quote_ident(s.subname),
       pg_get_userbyid(s.subowner)::text AS owner,
       CASE WHEN NOT s.subenabled THEN 'no' END AS enabled,
       CASE WHEN s.subbinary THEN 'yes' END AS binary,
       s.substream::text AS streaming,
       quote_ident(s.subslotname) AS slot,
       s.subsynccommit AS "synchronous commit",
       (SELECT string_agg(quote_ident(p), ', ' ORDER BY p COLLATE "C")
          FROM unnest(s.subpublications) p) AS publications
  FROM pg_catalog.pg_subscription s
 WHERE s.subdbid = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = current_database())

-- name: default_privileges
SELECT 'default privileges', 'pg_default_acl', d.oid::int8, NULL, 0::int8,
       'for ' || quote_ident(pg_get_userbyid(d.defaclrole))
           || CASE d.defaclnamespace WHEN 0 THEN ''
                   ELSE ' in ' || d.defaclnamespace::regnamespace::text END
           || ' on ' || CASE d.defaclobjtype WHEN 'r' THEN 'tables' WHEN 'S' THEN 'sequences'
                             WHEN 'f' THEN 'functions' WHEN 'T' THEN 'types' WHEN 'n' THEN 'schemas'
                             ELSE 'large objects' END
  FROM pg_catalog.pg_default_acl d

-- name: comments
-- Those on what has no block of its own are properties of what it belongs to.
SELECT CASE WHEN c.relkind = 'c' THEN 'pg_type' WHEN n.oid IS NOT NULL THEN 'pg_class'
            WHEN k.oid IS NOT NULL THEN 'pg_constraint' ELSE d.classoid::regclass::text END,
       CASE WHEN c.relkind = 'c' THEN c.reltype
            ELSE COALESCE(n.conrelid, k.oid, d.objoid) END::int8,
       CASE WHEN c.relkind = 'c' THEN 0 ELSE COALESCE(n.conkey[1], d.objsubid) END::int4,
       CASE WHEN c.relkind = 'c' THEN 'comment on ' || quote_ident(a.attname)
            WHEN n.oid IS NOT NULL THEN 'comment on not null'
            WHEN k.oid IS NOT NULL THEN 'comment on index' ELSE 'comment' END,
       d.description
  FROM pg_catalog.pg_description d
  LEFT JOIN pg_catalog.pg_class c
         ON d.classoid = 'pg_catalog.pg_class'::regclass AND c.oid = d.objoid AND d.objsubid <> 0
  LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = d.objoid AND a.attnum = d.objsubid
                                     AND c.relkind = 'c'
  LEFT JOIN pg_catalog.pg_constraint n
         ON d.classoid = 'pg_catalog.pg_constraint'::regclass AND n.oid = d.objoid
        AND n.contype = 'n' AND n.conrelid <> 0
  LEFT JOIN pg_catalog.pg_constraint k
         ON d.classoid = 'pg_catalog.pg_class'::regclass AND d.objsubid = 0
        AND k.conindid = d.objoid AND k.contype IN ('p', 'u', 'x')
 WHERE d.objoid >= 16384 OR d.classoid = 'pg_catalog.pg_namespace'::regclass

-- name: grants
-- What differs, grantee by grantee, from what holds where nobody granted anything: for what initdb
-- or an extension made, from what they left; otherwise from the built-in default.
WITH given (class, oid, sub, owner, acl, usual) AS (
    SELECT 'pg_catalog.pg_class'::regclass::oid, c.oid, 0, c.relowner, c.relacl,
           acldefault(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", c.relowner)
      FROM pg_catalog.pg_class c
     WHERE c.relacl IS NOT NULL
       AND c.relnamespace NOT IN (SELECT n.oid FROM pg_catalog.pg_namespace n
                                   WHERE n.nspname = 'information_schema')
    UNION ALL
    SELECT 'pg_catalog.pg_class'::regclass, a.attrelid, a.attnum, c.relowner, a.attacl,
           acldefault('c', c.relowner)
      FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
     WHERE a.attacl IS NOT NULL AND NOT a.attisdropped
    UNION ALL
    SELECT 'pg_catalog.pg_proc'::regclass, p.oid, 0, p.proowner, p.proacl,
           acldefault('f', p.proowner)
      FROM pg_catalog.pg_proc p WHERE p.proacl IS NOT NULL
    UNION ALL
    SELECT 'pg_catalog.pg_type'::regclass, t.oid, 0, t.typowner, t.typacl,
           acldefault('T', t.typowner)
      FROM pg_catalog.pg_type t WHERE t.typacl IS NOT NULL
    UNION ALL
    SELECT 'pg_catalog.pg_namespace'::regclass, n.oid, 0, n.nspowner, n.nspacl,
           acldefault('n', n.nspowner)
      FROM pg_catalog.pg_namespace n
     WHERE n.nspacl IS NOT NULL AND n.nspname <> 'information_schema'
    UNION ALL
    SELECT 'pg_catalog.pg_language'::regclass, l.oid, 0, l.lanowner, l.lanacl,
           acldefault('l', l.lanowner)
      FROM pg_catalog.pg_language l WHERE l.lanacl IS NOT NULL
    UNION ALL
    SELECT 'pg_catalog.pg_foreign_data_wrapper'::regclass, w.oid, 0, w.fdwowner, w.fdwacl,
           acldefault('F', w.fdwowner)
      FROM pg_catalog.pg_foreign_data_wrapper w WHERE w.fdwacl IS NOT NULL
    UNION ALL
    SELECT 'pg_catalog.pg_foreign_server'::regclass, s.oid, 0, s.srvowner, s.srvacl,
           acldefault('S', s.srvowner)
      FROM pg_catalog.pg_foreign_server s WHERE s.srvacl IS NOT NULL
    UNION ALL
    SELECT 'pg_catalog.pg_default_acl'::regclass, d.oid, 0, d.defaclrole, d.defaclacl,
           CASE d.defaclnamespace WHEN 0 THEN
               acldefault(CASE d.defaclobjtype WHEN 'S' THEN 's' ELSE d.defaclobjtype END,
                          d.defaclrole) ELSE acldefault('c', d.defaclrole) END
      FROM pg_catalog.pg_default_acl d
), differing AS (
    SELECT g.class, g.oid, g.sub, g.owner, g.acl, b.base
      FROM given g
      LEFT JOIN pg_catalog.pg_init_privs i
             ON i.classoid = g.class AND i.objoid = g.oid AND i.objsubid = g.sub
     -- Schema public can be dropped and made again, and has other privileges then.
     CROSS JOIN LATERAL (SELECT CASE WHEN i.initprivs IS NULL OR g.oid = 2200 THEN g.usual
                                     ELSE i.initprivs END AS base) b
     WHERE NOT (g.acl @> b.base AND b.base @> g.acl)
)
SELECT e.class::regclass::text, e.oid::int8, e.sub::int4, e.grantee, e.now,
       CASE WHEN e.sub = 0 OR e.oid < 16384 THEN
           (SELECT o.type || ' ' || o.identity FROM pg_identify_object(e.class, e.oid, e.sub) o) END
  FROM (SELECT d.class, d.oid, d.sub, CASE x.grantee WHEN 0 THEN 'PUBLIC' WHEN d.owner THEN 'owner'
                    ELSE quote_ident(pg_get_userbyid(x.grantee)) END AS grantee,
               string_agg(x.word, ', ' ORDER BY x.word COLLATE "C") FILTER (WHERE x.is_now) AS now,
               string_agg(x.word, ', ' ORDER BY x.word COLLATE "C") FILTER (WHERE NOT x.is_now)
                   AS before
          FROM differing d
         CROSS JOIN LATERAL (
               SELECT y.is_now, y.grantee, y.privilege_type
                      || CASE WHEN y.is_grantable THEN ' with grant option' ELSE '' END
                      || CASE WHEN y.grantor <> d.owner
                              THEN ' by ' || quote_ident(pg_get_userbyid(y.grantor)) ELSE '' END
                      AS word
                 FROM (SELECT true AS is_now, n.* FROM aclexplode(d.acl) n
                       UNION ALL SELECT false, b.* FROM aclexplode(d.base) b) y) x
         GROUP BY 1, 2, 3, 4) e
 WHERE e.now IS DISTINCT FROM e.before
