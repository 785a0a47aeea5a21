COMMENT ON TABLE portfolios IS 'What a client holds';
COMMENT ON COLUMN portfolios.rating IS 'by the agency';
GRANT SELECT ON portfolios TO CURRENT_USER;
ANALYZE portfolios;
