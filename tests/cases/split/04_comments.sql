/* outer /* inner; */ still; */ select 1; -- one; two
select /* ; */ 2 -- '; "
;
select 3 /*/ ; /*/ ; */ ; */ ;
select 4 /**/; select 5 /* ** */; select 6 /***/ ;
select 7 --; select 8
;
