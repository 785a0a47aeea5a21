UPDATE portfolios SET owner = 'x' WHERE id = 1;
