begin; insert into t values (1); end; begin atomic; select case when a then b end; end;
create table begin (a int); create view v as select case 1 when 1 then 2 end; create procedural language x; select 1;
