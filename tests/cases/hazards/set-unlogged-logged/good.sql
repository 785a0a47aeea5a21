CREATE UNLOGGED TABLE drafts (id int);
