"""What operators do: one layer for the console and the command line. See layer.py."""
