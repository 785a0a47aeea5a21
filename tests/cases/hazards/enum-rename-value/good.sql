ALTER TYPE mood ADD VALUE 'eager' AFTER 'keen';
