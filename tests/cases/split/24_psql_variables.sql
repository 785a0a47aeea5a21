select :name_x, :'str_x', :"ident_x", a::int, :x1; select ':no'; select a[:n_x:2];
select :e'x\'; select 2;
