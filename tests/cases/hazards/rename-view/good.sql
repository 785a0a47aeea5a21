ALTER VIEW names RENAME TO called;
CREATE VIEW names AS SELECT * FROM called;
