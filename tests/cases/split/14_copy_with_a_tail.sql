copy t from stdin; select 'on the line of the copy'; /* c */
1
\.
copy a from stdin; copy b from STDIN; -- two
1
\.
2
\.
select 3;
