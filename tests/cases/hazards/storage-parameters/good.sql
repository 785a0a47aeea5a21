COMMENT ON TABLE portfolios IS 'What a client holds';
