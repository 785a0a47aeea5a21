UPDATE portfolios SET rating = 0 -- here
WHERE owner = 'a client that only the target knows';
