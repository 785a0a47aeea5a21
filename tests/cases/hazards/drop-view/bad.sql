DROP VIEW rated; -- here
