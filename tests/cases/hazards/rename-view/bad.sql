ALTER VIEW names RENAME TO called; -- here
