UPDATE portfolios SET rating = 0 -- here
WHERE rating IS NOT NULL;
