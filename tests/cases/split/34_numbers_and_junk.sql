select 1e'x'; select 1$a$;$a$; select $1$a$;$a$; select a.e'\';'; select 1.;
