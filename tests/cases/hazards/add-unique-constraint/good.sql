-- banister: transaction=off
CREATE UNIQUE INDEX CONCURRENTLY one_name ON public.accounts USING btree (name);
