-- banister: transaction=off
VACUUM logs;
