"""What the operator sees: a terminal application and a command line over the same gateway."""
