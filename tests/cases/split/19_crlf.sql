select 1;
-- a comment; here
select 'two
lines';
create function f() returns int as $$
begin
  return 1;
end;
$$ language plpgsql;
copy t from stdin;
1	a
\.
select 3;
