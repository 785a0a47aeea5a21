-- A table that nobody uses yet; rows are copied to it batch by batch.
CREATE TABLE new_stays (
    id bigint PRIMARY KEY,
    during int4range,
    EXCLUDE USING gist (during WITH &&)
);
