CREATE TABLE portfolios (id bigint PRIMARY KEY, owner text NOT NULL, rating int);
CREATE POLICY own ON portfolios USING (owner = current_user);
