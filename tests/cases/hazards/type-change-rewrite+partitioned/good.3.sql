DROP TRIGGER moves_amount_new_sync ON moves;
DROP FUNCTION moves_amount_new_sync();
ALTER TABLE moves RENAME COLUMN amount TO amount_old;
ALTER TABLE moves RENAME COLUMN amount_new TO amount;
