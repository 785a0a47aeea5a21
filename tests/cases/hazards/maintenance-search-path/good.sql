ALTER FUNCTION spelled(text) SET search_path = public, pg_temp;
