DELETE FROM portfolios -- here
WHERE rating > 900000 AND owner LIKE 'old client %';
