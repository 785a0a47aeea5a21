WITH gone AS (
    DELETE FROM portfolios WHERE id = -1 RETURNING *
)
INSERT INTO archive SELECT * FROM gone;
