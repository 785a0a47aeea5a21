CREATE TEXT SEARCH DICTIONARY d (TEMPLATE = simple, ACCEPT = false);
CREATE TEXT SEARCH CONFIGURATION c (PARSER = default);
--> text search dictionary d: not expected
--> text search configuration c: not expected
ALTER TEXT SEARCH CONFIGURATION c ADD MAPPING FOR word, asciiword WITH d, english_stem;
--> text search configuration c: mappings none → asciiword: public.d, english_stem; word: public.d, english_stem
ALTER TEXT SEARCH CONFIGURATION c ALTER MAPPING FOR word WITH english_stem;
--> text search configuration c: mappings asciiword: public.d, english_stem; word: public.d, english_stem → asciiword: public.d, english_stem; word: english_stem
ALTER TEXT SEARCH DICTIONARY d (ACCEPT = true);
--> text search dictionary d: options accept = 'false' → accept = 'true'
CREATE TEXT SEARCH TEMPLATE p (LEXIZE = dsimple_lexize, INIT = dsimple_init);
CREATE TEXT SEARCH PARSER q (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end,
    LEXTYPES = prsd_lextype);
--> text search parser q: not expected
--> text search template p: not expected
DROP TEXT SEARCH TEMPLATE p;
CREATE TEXT SEARCH TEMPLATE p (LEXIZE = dsimple_lexize);
DROP TEXT SEARCH PARSER q;
CREATE TEXT SEARCH PARSER q (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end,
    LEXTYPES = prsd_lextype, HEADLINE = prsd_headline);
--> text search parser q: definition changed
--> text search template p: definition init dsimple_init, lexize dsimple_lexize → lexize dsimple_lexize
DROP TEXT SEARCH CONFIGURATION c;
DROP TEXT SEARCH DICTIONARY d;
DROP TEXT SEARCH TEMPLATE p;
DROP TEXT SEARCH PARSER q;
--> text search parser q: missing
--> text search template p: missing
--> text search dictionary d: missing
--> text search configuration c: missing
