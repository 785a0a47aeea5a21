ALTER SCHEMA app RENAME TO site; -- here
