copy binary t from stdin;
\.
copy s . "from" ( a , "to" ) from /* here */ stdin where a > 1;
1
\.
copy "stdin" to stdout; copy t from stdout;
5
\.
select 1;
