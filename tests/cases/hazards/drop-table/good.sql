ALTER TABLE logs RENAME TO logs_old;
