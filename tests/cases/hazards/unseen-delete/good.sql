DELETE FROM portfolios WHERE id IN (-1, -2);
