"""The knowledge the jobs need, in plain Python without Huey."""
