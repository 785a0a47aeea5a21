ALTER TABLE logs SET SCHEMA app; -- here
