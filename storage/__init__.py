"""What is kept, and where: Redis for what is happening, PostgreSQL for the application, objects for files."""
