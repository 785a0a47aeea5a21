CREATE TABLE drafts (id bigint PRIMARY KEY, owner text);
CREATE TRIGGER drafts_touched BEFORE UPDATE ON drafts
    FOR EACH ROW EXECUTE FUNCTION touched();
