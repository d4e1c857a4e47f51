"""How the log is kept and read: append, read, migrate, and what a record is."""
