SET work_mem = '64MB'; -- here
SELECT set_config('statement_timeout', '1h', false); -- here
