select E'\'; still inside', e'\\'; select 'plain \'; select 2;
select E'a\\\';b'; select E'''; x'; select E'\
'; select xe'not an escape \'; select 3;
select 1 as e'text \'; select 4;
