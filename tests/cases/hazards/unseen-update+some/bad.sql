UPDATE portfolios SET owner = 'x' -- here
WHERE rating = 1;
