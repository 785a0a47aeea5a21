CREATE TABLE drafts (id bigint PRIMARY KEY, owner text, note json);
CREATE SEQUENCE numbers;
CREATE FUNCTION touched() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER drafts_touched BEFORE UPDATE ON drafts
    FOR EACH ROW EXECUTE FUNCTION touched();
INSERT INTO drafts SELECT n, 'owner ' || n, '{}' FROM generate_series(1, 1000) AS n;
UPDATE drafts SET owner = upper(owner);
DELETE FROM drafts WHERE id > 500;
CREATE VIEW owners AS SELECT DISTINCT owner FROM drafts;
CREATE MATERIALIZED VIEW counted AS SELECT owner, count(*) FROM drafts GROUP BY owner;
REFRESH MATERIALIZED VIEW counted;
DROP VIEW owners;
DROP TRIGGER drafts_touched ON drafts;
ALTER SEQUENCE numbers RESTART WITH 5;
ALTER TABLE drafts ENABLE ROW LEVEL SECURITY;
LOCK TABLE drafts;
