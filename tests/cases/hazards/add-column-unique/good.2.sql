-- banister: transaction=off
CREATE UNIQUE INDEX CONCURRENTLY accounts_code_key ON public.accounts USING btree (code);
