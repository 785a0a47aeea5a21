UPDATE portfolios SET rating = 0 WHERE id = -1;
