-- What depends on the column goes by name, before it.
DROP VIEW rich;
