"""The application's tables in PostgreSQL: connection, models, migrations."""
