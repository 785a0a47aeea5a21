ALTER TABLE logs RENAME TO notes; -- here
