"""Trials of the services of package tasks, against real servers and real libraries."""
