ALTER DOMAIN positive SET NOT NULL; -- here
