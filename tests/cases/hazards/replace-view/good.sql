CREATE VIEW well_rated AS
    SELECT id, owner FROM portfolios WHERE rating > 0;
