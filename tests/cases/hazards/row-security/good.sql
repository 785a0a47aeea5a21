CREATE TABLE drafts (id bigint PRIMARY KEY, owner text);
CREATE POLICY own ON drafts USING (owner = current_user);
ALTER TABLE drafts ENABLE ROW LEVEL SECURITY;
