CREATE TYPE temper AS ENUM ('calm', 'hasty');
