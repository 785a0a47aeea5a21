CREATE SCHEMA app;
CREATE TABLE users (id int PRIMARY KEY, name text);
CREATE TABLE orders (id int PRIMARY KEY, user_id int REFERENCES users);
CREATE TABLE logs (id int PRIMARY KEY, note text);
CREATE TABLE app.x (id int);
CREATE VIEW names AS SELECT name FROM users;
