ALTER TABLE portfolios ADD COLUMN worth numeric;
CREATE TABLE sums AS -- here
    SELECT portfolio_id, sum(amount) FROM positions GROUP BY portfolio_id;
