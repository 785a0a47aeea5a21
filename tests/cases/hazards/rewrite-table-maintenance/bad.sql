CLUSTER logs USING logs_pkey; -- here
