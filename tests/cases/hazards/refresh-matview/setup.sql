CREATE TABLE portfolios (id bigint PRIMARY KEY, owner text NOT NULL, rating int);
CREATE MATERIALIZED VIEW ratings AS SELECT rating, count(*) AS portfolios FROM portfolios GROUP BY rating;
CREATE UNIQUE INDEX ratings_rating ON ratings (rating);
