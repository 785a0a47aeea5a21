CREATE TYPE span AS RANGE (subtype = float8, subtype_diff = float8mi);
--> type span: not expected
ALTER TYPE span RENAME TO reach;
--> type reach: not expected
--> type span: missing
DROP TYPE reach;
CREATE TYPE reach AS RANGE (subtype = text, collation = "C", multirange_type_name = reaches);
--> type reach: subtype double precision, difference float8mi, multirange public.span_multirange → text, collation "C", multirange public.reaches
DROP TYPE reach;
--> type reach: missing
