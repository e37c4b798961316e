"""What is happening now, in Redis: every transition of a job is one Lua script."""
