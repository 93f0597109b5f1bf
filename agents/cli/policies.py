"""`shoal train` and `shoal eval`."""
