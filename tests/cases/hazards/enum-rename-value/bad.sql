ALTER TYPE mood RENAME VALUE 'keen' TO 'eager'; -- here
