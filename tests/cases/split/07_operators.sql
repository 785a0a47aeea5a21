select a @> b, a ? 'k', a ?| array['x;'], a #>> '{a,b}', 2 - -1, 3*/* c */4, 5 --;
+ 6, a <-> b, 1::int, f(a := 2), a[1:2], a[1:n], '%s', 10 % 3, a ->> 'b;', !!1, 'x' ~* 'y;';
select 1.5e3, 1e-5, .5, 1..2, 0x1F, 1_000; select 2 /-1; select - -1; select @-1;
