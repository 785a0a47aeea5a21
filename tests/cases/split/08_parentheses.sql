create rule r as on insert to t do also (insert into a values (1); insert into b values (2));
select ((1 + (2 * (3)))); select ')'; select (')'); select f(';', "(;");
create rule q as on delete to t do instead (delete from a; select 'x);' ; );
