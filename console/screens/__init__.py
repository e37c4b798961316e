"""The console's screens: each asks the gateway in a thread and hands frozen views to its widgets."""
