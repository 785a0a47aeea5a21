ALTER TABLE accounts ADD PRIMARY KEY (id); -- here
