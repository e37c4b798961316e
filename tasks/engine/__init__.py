"""Huey made reliable: leases, attempts, dead letters, logs and cron behind Huey's own interface."""
