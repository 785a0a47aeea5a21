CREATE VIEW all_portfolios AS
    SELECT * FROM portfolios UNION ALL SELECT * FROM old_portfolios;
