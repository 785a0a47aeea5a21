-- banister: transaction=off
CREATE INDEX CONCURRENTLY accounts_by_payer ON accounts (payer);
