select 'naïve; Ω'; create table été (ключ int); select 'a' as 日本語; select '😀;';
select $日$;$日$;
