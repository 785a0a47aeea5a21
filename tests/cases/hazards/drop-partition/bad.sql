CREATE TABLE events_2030 (LIKE events);
DROP TABLE events_2030;
DROP TABLE events_2023; -- here
