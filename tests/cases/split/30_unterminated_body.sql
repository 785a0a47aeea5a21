select 1;
do $a$ begin end; $b$; select 2;
