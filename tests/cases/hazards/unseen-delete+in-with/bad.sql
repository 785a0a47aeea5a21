WITH gone AS ( -- here
    DELETE FROM portfolios WHERE owner = 'nobody' RETURNING *
)
INSERT INTO archive SELECT * FROM gone;
