create trigger t before insert on a for each row execute function f(); create rule r as on update to a do nothing; create function t(begin_at int, ended int) returns int language sql as 'select 1;';
