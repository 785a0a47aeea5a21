create function f() returns int language plpgsql as $$ begin return 1; end; $$;
create function g() returns text language sql as $body$ select $$a;b$$ || $x$;$x$; $body$;
do $_1$ begin perform 1; /* ' */ -- "
end $_1$;
select a$1$, b$x$ from t$; select $1, $2; select $$ $a$ ; $a $$;
select $été$ ; $été$;
