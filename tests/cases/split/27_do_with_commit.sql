do $$ begin commit; end $$; do language plpgsql 'begin rollback; end'; call p(1, 'x;');
