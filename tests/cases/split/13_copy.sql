COPY public.t (id, "na;me") FROM stdin;
1	a;b
2	it's -- not a comment
3	\\.
\N	$$
\.


select 1;
copy t from stdin with (format csv, header);
a,b
"x;
y",2
\.
COPY (select 1; ) TO stdout; copy t to stdout; copy t from '/a/file'; copy t from program 'cat';
select 2;
