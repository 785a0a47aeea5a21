TRUNCATE users CASCADE; -- here
