DROP VIEW rated CASCADE; -- here
