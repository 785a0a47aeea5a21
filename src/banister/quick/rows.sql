-- What `status` shows of each migration, in the transaction of look.sql.
SELECT version,
       extract(epoch FROM pg_catalog.date_trunc('second', applied_at))::pg_catalog.int8,
       duration_ms,
       down_text IS NOT NULL OR down_checksum IS NULL,
       down_text IS NOT NULL
  FROM public.schema_migrations;
