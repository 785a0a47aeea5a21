select 1; select 2;
select 'open; select 3;
