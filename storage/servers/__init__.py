"""The Redis and PostgreSQL that ship inside wheels: how each is prepared, started, asked and stopped."""
