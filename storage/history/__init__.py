"""What happened, in PostgreSQL: recorded from the broker's events, searched, counted, and undone from here."""
