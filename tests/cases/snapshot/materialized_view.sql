CREATE MATERIALIZED VIEW m AS SELECT 1 AS id;
--> materialized view m: not expected
CREATE UNIQUE INDEX m_id ON m (id);
--> index m_id: not expected
ALTER MATERIALIZED VIEW m SET (fillfactor = 50);
--> materialized view m: options none → fillfactor=50
DROP MATERIALIZED VIEW m;
CREATE MATERIALIZED VIEW m AS SELECT 2 AS id WITH NO DATA;
--> materialized view m: options fillfactor=50 → none
--> materialized view m: definition SELECT 1 AS id → SELECT 2 AS id
--> index m_id: missing
DROP MATERIALIZED VIEW m;
--> materialized view m: missing
