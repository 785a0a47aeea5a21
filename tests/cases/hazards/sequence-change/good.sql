SELECT setval('numbers', 1000, false);
