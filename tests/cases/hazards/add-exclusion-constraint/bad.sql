ALTER TABLE stays ADD CONSTRAINT alone EXCLUDE USING gist (during WITH &&); -- here
