CREATE TABLE sums AS
    SELECT portfolio_id, sum(amount) FROM positions GROUP BY portfolio_id;
