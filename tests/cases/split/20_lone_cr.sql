select 1; -- commentselect 2;select E'a''b\'; c';
select E'd'
'e\'; select 3;
