SET LOCAL work_mem = '64MB';
SELECT set_config('statement_timeout', '1h', true);
