DELETE FROM portfolios WHERE id = -1;
