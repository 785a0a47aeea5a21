-- banister: transaction=off
DO $fill$
#variable_conflict use_column
<<banister_fill>>
DECLARE
    pages CONSTANT bigint := 200;
    page bigint;
    touched bigint;
    total bigint;
BEGIN
    FOR round IN 1..5 LOOP
        page := 0;
        total := 0;
        WHILE banister_fill.page <= pg_relation_size('"Big Shop"."it''s"') / current_setting('block_size')::bigint LOOP
            UPDATE "Big Shop"."it's" SET "No." = nextval('"Big Shop"."it''s_No._fill"')
            WHERE ctid >= format('(%s,0)', banister_fill.page)::tid
                AND ctid < format('(%s,0)', banister_fill.page + banister_fill.pages)::tid
                AND "No." IS NULL;
            GET DIAGNOSTICS touched = ROW_COUNT;
            total := banister_fill.total + banister_fill.touched;
            COMMIT;
            page := banister_fill.page + banister_fill.pages;
        END LOOP;
        EXIT WHEN banister_fill.total = 0;
    END LOOP;
END
$fill$;
