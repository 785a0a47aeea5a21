-- banister: transaction=off
UPDATE clients SET mood = 'eager' WHERE id = -1;
