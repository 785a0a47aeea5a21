CREATE OR REPLACE VIEW rated AS SELECT id, owner FROM portfolios WHERE false;
