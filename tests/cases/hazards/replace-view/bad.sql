CREATE OR REPLACE VIEW rated AS -- here
    SELECT id, owner FROM portfolios WHERE rating > 0;
