-- The schema of a database, kind by kind: functions, types, and what is made of them. What holds
-- for every query is said in catalog.sql.

-- name: functions
-- Not those that came with a type or an extension.
SELECT CASE p.prokind WHEN 'p' THEN 'procedure' ELSE 'function' END,
       'pg_proc', p.oid::int8, 'pg_namespace', p.pronamespace::int8,
       quote_ident(p.proname) || '(' || oidvectortypes(p.proargtypes) || ')',
       pg_get_userbyid(p.proowner)::text AS owner,
       NULLIF(pg_get_function_arguments(p.oid), oidvectortypes(p.proargtypes)) AS arguments,
       pg_get_function_result(p.oid) AS returns,
       quote_ident(l.lanname) AS language,
       (SELECT string_agg(format_type(u, NULL), ', ') FROM unnest(p.protrftypes) u) AS transforms,
       CASE p.prokind WHEN 'w' THEN 'yes' END AS window,
       CASE p.provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' END AS volatility,
       CASE WHEN p.proisstrict THEN 'yes' END AS strict,
       CASE WHEN p.prosecdef THEN 'definer' END AS security,
       CASE WHEN p.proleakproof THEN 'yes' END AS leakproof,
       CASE p.proparallel WHEN 's' THEN 'safe' WHEN 'r' THEN 'restricted' END AS parallel,
       CASE WHEN p.procost <> CASE WHEN l.lanname IN ('c', 'internal') THEN 1 ELSE 100 END
            THEN p.procost::text END AS cost,
       CASE WHEN p.proretset AND p.prorows <> 1000 THEN p.prorows::text END AS rows,
       NULLIF(p.prosupport::text, '-') AS support,
       p.proconfig AS settings,
       p.probin AS file,
       CASE WHEN p.prosqlbody IS NULL THEN p.prosrc ELSE pg_get_function_sqlbody(p.oid) END AS body
  FROM pg_catalog.pg_proc p
  JOIN pg_catalog.pg_language l ON l.oid = p.prolang
 WHERE p.oid >= 16384 AND p.prokind <> 'a'
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                    WHERE d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = p.oid
                      AND d.deptype IN ('e', 'i'))

-- name: aggregates
SELECT 'aggregate', 'pg_proc', p.oid::int8, 'pg_namespace', p.pronamespace::int8,
       quote_ident(p.proname) || '('
           || CASE WHEN p.pronargs = 0 THEN '*' ELSE oidvectortypes(p.proargtypes) END || ')',
       pg_get_userbyid(p.proowner)::text AS owner,
       NULLIF(pg_get_function_arguments(p.oid), oidvectortypes(p.proargtypes)) AS arguments,
       CASE p.proparallel WHEN 's' THEN 'safe' WHEN 'r' THEN 'restricted' END AS parallel,
       concat_ws(', ',
           CASE a.aggkind WHEN 'o' THEN 'ordered set' WHEN 'h' THEN 'hypothetical set' END,
           'state ' || format_type(a.aggtranstype, NULL), 'function ' || a.aggtransfn::text,
           'space ' || NULLIF(a.aggtransspace, 0), 'final ' || NULLIF(a.aggfinalfn::text, '-'),
           CASE WHEN a.aggfinalextra THEN 'final extra' END,
           CASE WHEN a.aggfinalfn <> 0 THEN 'final modify ' || a.aggfinalmodify::text END,
           'combine ' || NULLIF(a.aggcombinefn::text, '-'),
           'serial ' || NULLIF(a.aggserialfn::text, '-'),
           'deserial ' || NULLIF(a.aggdeserialfn::text, '-'),
           'initial ' || quote_literal(a.agginitval),
           'moving state ' || NULLIF(format_type(NULLIF(a.aggmtranstype, 0), NULL), '-'),
           'moving function ' || NULLIF(a.aggmtransfn::text, '-'),
           'moving inverse ' || NULLIF(a.aggminvtransfn::text, '-'),
           'moving space ' || NULLIF(a.aggmtransspace, 0),
           'moving final ' || NULLIF(a.aggmfinalfn::text, '-'),
           CASE WHEN a.aggmfinalextra THEN 'moving final extra' END,
           CASE WHEN a.aggmfinalfn <> 0 THEN 'moving final modify ' || a.aggmfinalmodify::text END,
           'moving initial ' || quote_literal(a.aggminitval),
           'sort operator ' || NULLIF(a.aggsortop, 0)::regoperator::text) AS definition
  FROM pg_catalog.pg_proc p
  JOIN pg_catalog.pg_aggregate a ON a.aggfnoid = p.oid
 WHERE p.oid >= 16384

-- name: types
-- Not those that came with a table, a range or an array.
SELECT CASE t.typtype WHEN 'd' THEN 'domain' ELSE 'type' END,
       'pg_type', t.oid::int8, 'pg_namespace', t.typnamespace::int8, quote_ident(t.typname),
       pg_get_userbyid(t.typowner)::text AS owner,
       CASE WHEN NOT t.typisdefined THEN 'shell' ELSE CASE t.typtype
            WHEN 'b' THEN 'base' WHEN 'c' THEN 'composite' WHEN 'e' THEN 'enum'
            WHEN 'r' THEN 'range' END END AS variety,
       CASE t.typtype WHEN 'd' THEN format_type(t.typbasetype, t.typtypmod) END AS type,
       CASE WHEN t.typtype = 'd' AND t.typcollation <> b.typcollation
            THEN t.typcollation::regcollation::text END AS collation,
       CASE WHEN t.typnotnull THEN 'yes' END AS "not null",
       CASE WHEN t.typnotnull THEN
           (SELECT quote_ident(k.conname) FROM pg_catalog.pg_constraint k
             WHERE k.contypid = t.oid AND k.contype = 'n'
               AND k.conname <> t.typname || '_not_null') END AS "not null constraint",
       COALESCE(pg_get_expr(t.typdefaultbin, 0), t.typdefault) AS default,
       CASE t.typtype WHEN 'e' THEN
           (SELECT string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder)
              FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid) END AS labels,
       CASE t.typtype WHEN 'c' THEN
           (SELECT string_agg(quote_ident(a.attname) || ' ' || format_type(a.atttypid, a.atttypmod)
                              || CASE WHEN a.attcollation <> y.typcollation
                                      THEN ' COLLATE ' || a.attcollation::regcollation::text
                                      ELSE '' END, ', ' ORDER BY a.attnum)
              FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type y ON y.oid = a.atttypid
             WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped)
       END AS attributes,
       CASE t.typtype WHEN 'r' THEN
           (SELECT concat_ws(', ', format_type(r.rngsubtype, NULL),
                   CASE WHEN r.rngcollation <> y.typcollation
                        THEN 'collation ' || r.rngcollation::regcollation::text END,
                   CASE WHEN NOT o.opcdefault THEN 'operator class ' || o.opcname END,
                   'canonical ' || NULLIF(r.rngcanonical::text, '-'),
                   'difference ' || NULLIF(r.rngsubdiff::text, '-'),
                   'multirange ' || format_type(r.rngmultitypid, NULL))
              FROM pg_catalog.pg_range r
              JOIN pg_catalog.pg_type y ON y.oid = r.rngsubtype
              JOIN pg_catalog.pg_opclass o ON o.oid = r.rngsubopc
             WHERE r.rngtypid = t.oid) END AS subtype,
       CASE WHEN t.typtype = 'b' AND t.typisdefined THEN concat_ws(', ',
           'input ' || t.typinput::text, 'output ' || t.typoutput::text,
           'receive ' || NULLIF(t.typreceive::text, '-'), 'send ' || NULLIF(t.typsend::text, '-'),
           'modifier input ' || NULLIF(t.typmodin::text, '-'),
           'modifier output ' || NULLIF(t.typmodout::text, '-'),
           'analyze ' || NULLIF(t.typanalyze::text, '-'),
           'subscript ' || NULLIF(t.typsubscript::text, '-'),
           'length ' || t.typlen, 'alignment ' || t.typalign::text, 'storage ' || t.typstorage::text,
           'category ' || t.typcategory::text, 'delimiter ' || t.typdelim::text,
           CASE WHEN t.typbyval THEN 'by value' END,
           CASE WHEN t.typispreferred THEN 'preferred' END,
           CASE WHEN t.typelem <> 0 THEN 'element ' || format_type(t.typelem, NULL) END,
           CASE WHEN t.typcollation <> 0 THEN 'collatable' END) END AS definition
  FROM pg_catalog.pg_type t
  LEFT JOIN pg_catalog.pg_type b ON b.oid = t.typbasetype
  LEFT JOIN pg_catalog.pg_class c ON c.oid = t.typrelid
  LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem
 WHERE t.oid >= 16384 AND t.typtype <> 'm'
   AND (t.typrelid = 0 OR c.relkind = 'c')
   AND NOT (t.typelem <> 0 AND e.typarray = t.oid)

-- name: casts
-- Not the one that came with a range.
SELECT 'cast', 'pg_cast', c.oid::int8, NULL, 0::int8,
       '(' || format_type(c.castsource, NULL) || ' AS ' || format_type(c.casttarget, NULL) || ')',
       CASE c.castmethod WHEN 'i' THEN 'inout' WHEN 'b' THEN 'without function'
                         ELSE c.castfunc::regprocedure::text END AS method,
       CASE c.castcontext WHEN 'a' THEN 'assignment' WHEN 'i' THEN 'implicit' END AS context
  FROM pg_catalog.pg_cast c
 WHERE c.oid >= 16384
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_range r
                    WHERE r.rngtypid = c.castsource AND r.rngmultitypid = c.casttarget)

-- name: transforms
SELECT 'transform', 'pg_transform', t.oid::int8, NULL, 0::int8,
       'for ' || format_type(t.trftype, NULL) || ' language ' || quote_ident(l.lanname),
       NULLIF(t.trffromsql, 0)::regprocedure::text AS "from sql",
       NULLIF(t.trftosql, 0)::regprocedure::text AS "to sql"
  FROM pg_catalog.pg_transform t
  JOIN pg_catalog.pg_language l ON l.oid = t.trflang

-- name: operators
-- Not those that are only spoken of by others.
SELECT 'operator', 'pg_operator', o.oid::int8, 'pg_namespace', o.oprnamespace::int8,
       o.oprname || ' (' || CASE o.oprleft WHEN 0 THEN 'NONE' ELSE format_type(o.oprleft, NULL) END
           || ', ' || format_type(o.oprright, NULL) || ')',
       pg_get_userbyid(o.oprowner)::text AS owner,
       o.oprcode::regprocedure::text AS function,
       NULLIF(o.oprcom, 0)::regoperator::text AS commutator,
       NULLIF(o.oprnegate, 0)::regoperator::text AS negator,
       NULLIF(o.oprrest::text, '-') AS restrict,
       NULLIF(o.oprjoin::text, '-') AS join,
       CASE WHEN o.oprcanhash THEN 'yes' END AS hashes,
       CASE WHEN o.oprcanmerge THEN 'yes' END AS merges
  FROM pg_catalog.pg_operator o
 WHERE o.oid >= 16384 AND o.oprcode <> 0

-- name: operator_classes
SELECT 'operator class', 'pg_opclass', c.oid::int8, 'pg_namespace', c.opcnamespace::int8,
       quote_ident(c.opcname) || ' using ' || quote_ident(m.amname),
       pg_get_userbyid(c.opcowner)::text AS owner,
       format_type(c.opcintype, NULL) AS type,
       CASE WHEN c.opcdefault THEN 'yes' END AS default,
       f.opfnamespace::regnamespace || '.' || quote_ident(f.opfname) AS family,
       CASE WHEN c.opckeytype <> 0 THEN format_type(c.opckeytype, NULL) END AS storage,
       (SELECT string_agg(p.line, E'\n' ORDER BY p.line COLLATE "C")
          FROM (SELECT 'operator ' || o.amopstrategy || ' ' || o.amopopr::regoperator
                       || CASE WHEN o.amopsortfamily <> 0 THEN
                           (SELECT ' for order by ' || s.opfnamespace::regnamespace || '.'
                                   || quote_ident(s.opfname) FROM pg_catalog.pg_opfamily s
                             WHERE s.oid = o.amopsortfamily) ELSE '' END AS line
                  FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_amop o ON o.oid = d.objid
                 WHERE d.classid = 'pg_catalog.pg_amop'::regclass
                   AND d.refclassid = 'pg_catalog.pg_opclass'::regclass AND d.refobjid = c.oid
                UNION ALL
                SELECT 'function ' || a.amprocnum || ' (' || format_type(a.amproclefttype, NULL)
                       || ', ' || format_type(a.amprocrighttype, NULL) || ') '
                       || a.amproc::regprocedure
                  FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_amproc a ON a.oid = d.objid
                 WHERE d.classid = 'pg_catalog.pg_amproc'::regclass
                   AND d.refclassid = 'pg_catalog.pg_opclass'::regclass AND d.refobjid = c.oid) p)
           AS members
  FROM pg_catalog.pg_opclass c
  JOIN pg_catalog.pg_opfamily f ON f.oid = c.opcfamily
  JOIN pg_catalog.pg_am m ON m.oid = c.opcmethod
 WHERE c.oid >= 16384

-- name: operator_families
-- The members that belong to no class.
SELECT 'operator family', 'pg_opfamily', c.oid::int8, 'pg_namespace', c.opfnamespace::int8,
       quote_ident(c.opfname) || ' using ' || quote_ident(m.amname),
       pg_get_userbyid(c.opfowner)::text AS owner,
       (SELECT string_agg(p.line, E'\n' ORDER BY p.line COLLATE "C")
          FROM (SELECT 'operator ' || o.amopstrategy || ' ' || o.amopopr::regoperator
                       || CASE WHEN o.amopsortfamily <> 0 THEN
                           (SELECT ' for order by ' || s.opfnamespace::regnamespace || '.'
                                   || quote_ident(s.opfname) FROM pg_catalog.pg_opfamily s
                             WHERE s.oid = o.amopsortfamily) ELSE '' END AS line
                  FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_amop o ON o.oid = d.objid
                 WHERE d.classid = 'pg_catalog.pg_amop'::regclass
                   AND d.refclassid = 'pg_catalog.pg_opfamily'::regclass AND d.refobjid = c.oid
                UNION ALL
                SELECT 'function ' || a.amprocnum || ' (' || format_type(a.amproclefttype, NULL)
                       || ', ' || format_type(a.amprocrighttype, NULL) || ') '
                       || a.amproc::regprocedure
                  FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_amproc a ON a.oid = d.objid
                 WHERE d.classid = 'pg_catalog.pg_amproc'::regclass
                   AND d.refclassid = 'pg_catalog.pg_opfamily'::regclass AND d.refobjid = c.oid) p)
           AS members
  FROM pg_catalog.pg_opfamily c
  JOIN pg_catalog.pg_am m ON m.oid = c.opfmethod
 WHERE c.oid >= 16384

-- name: collations
-- The locale of ICU has had three names.
SELECT 'collation', 'pg_collation', c.oid::int8, 'pg_namespace', c.collnamespace::int8,
       quote_ident(c.collname),
       pg_get_userbyid(c.collowner)::text AS owner,
       CASE c.collprovider WHEN 'i' THEN 'icu' WHEN 'c' THEN 'libc' WHEN 'b' THEN 'builtin'
                           WHEN 'd' THEN 'default' END AS provider,
       COALESCE(to_jsonb(c) ->> 'colllocale', to_jsonb(c) ->> 'colliculocale',
                CASE WHEN c.collprovider = 'i' THEN c.collcollate::text END) AS locale,
       CASE c.collprovider WHEN 'c' THEN c.collcollate::text END AS collate,
       CASE c.collprovider WHEN 'c' THEN c.collctype::text END AS ctype,
       CASE WHEN NOT c.collisdeterministic THEN 'no' END AS deterministic,
       to_jsonb(c) ->> 'collicurules' AS rules,
       CASE WHEN c.collencoding >= 0 AND c.collprovider = 'c'
            THEN NULLIF(pg_encoding_to_char(c.collencoding), getdatabaseencoding())::text END
           AS encoding
  FROM pg_catalog.pg_collation c
 WHERE c.oid >= 16384

-- name: conversions
SELECT 'conversion', 'pg_conversion', c.oid::int8, 'pg_namespace', c.connamespace::int8,
       quote_ident(c.conname),
       pg_get_userbyid(c.conowner)::text AS owner,
       pg_encoding_to_char(c.conforencoding)::text AS "from",
       pg_encoding_to_char(c.contoencoding)::text AS "to",
       c.conproc::text AS function,
       CASE WHEN c.condefault THEN 'yes' END AS default
  FROM pg_catalog.pg_conversion c
 WHERE c.oid >= 16384

-- name: parsers
SELECT 'text search parser', 'pg_ts_parser', p.oid::int8, 'pg_namespace', p.prsnamespace::int8,
       quote_ident(p.prsname),
       concat_ws(', ', 'start ' || p.prsstart::text, 'token ' || p.prstoken::text,
                 'end ' || p.prsend::text, 'headline ' || NULLIF(p.prsheadline::text, '-'),
                 'types ' || p.prslextype::text) AS definition
  FROM pg_catalog.pg_ts_parser p
 WHERE p.oid >= 16384

-- name: templates
SELECT 'text search template', 'pg_ts_template', t.oid::int8, 'pg_namespace', t.tmplnamespace::int8,
       quote_ident(t.tmplname),
       concat_ws(', ', 'init ' || NULLIF(t.tmplinit::text, '-'), 'lexize ' || t.tmpllexize::text)
           AS definition
  FROM pg_catalog.pg_ts_template t
 WHERE t.oid >= 16384

-- name: dictionaries
SELECT 'text search dictionary', 'pg_ts_dict', d.oid::int8, 'pg_namespace', d.dictnamespace::int8,
       quote_ident(d.dictname),
       pg_get_userbyid(d.dictowner)::text AS owner,
       t.tmplnamespace::regnamespace || '.' || quote_ident(t.tmplname) AS template,
       d.dictinitoption AS options
  FROM pg_catalog.pg_ts_dict d
  JOIN pg_catalog.pg_ts_template t ON t.oid = d.dicttemplate
 WHERE d.oid >= 16384

-- name: configurations
SELECT 'text search configuration', 'pg_ts_config', c.oid::int8, 'pg_namespace',
       c.cfgnamespace::int8, quote_ident(c.cfgname),
       pg_get_userbyid(c.cfgowner)::text AS owner,
       p.prsnamespace::regnamespace || '.' || quote_ident(p.prsname) AS parser,
       (SELECT string_agg(m.line, E'\n' ORDER BY m.line COLLATE "C")
          FROM (SELECT y.alias || ': ' || string_agg(m.mapdict::regdictionary::text, ', '
                                                     ORDER BY m.mapseqno) AS line
                  FROM pg_catalog.pg_ts_config_map m
                  JOIN ts_token_type(c.cfgparser) y ON y.tokid = m.maptokentype
                 WHERE m.mapcfg = c.oid GROUP BY y.alias) m) AS mappings
  FROM pg_catalog.pg_ts_config c
  JOIN pg_catalog.pg_ts_parser p ON p.oid = c.cfgparser
 WHERE c.oid >= 16384
