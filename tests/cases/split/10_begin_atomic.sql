create function f(a int) returns int language sql begin atomic select a; select case when a > 0 then 1 else 2 end; end;
create or replace procedure p() begin atomic insert into t values (1); insert into t values (2); end;
CREATE FUNCTION g() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT CASE 1 WHEN 1 THEN CASE 2 WHEN 2 THEN 3 END END; END; select 1;
create /* c */ or -- d
replace function h() returns int return 1; select 2;
create function k() returns int begin atomic select (case when true then 1 end); select 'end;'; select "end"; end;
