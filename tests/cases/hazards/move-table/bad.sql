ALTER TABLE accounts SET ACCESS METHOD heap_too; -- here
