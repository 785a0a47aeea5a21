select 'a;b', 'it''s; fine', '/* no comment */ name', '-- none; either';
select "a;b", "quote "" inside; it", U&"d\0061t;a" from t;
select U&'\0441;' , b'01;', x'1F;', n'x;', N'y;';
select 'one'
  'two; still the literal';
