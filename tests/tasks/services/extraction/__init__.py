"""Trials of extraction on documents made to hurt, and on real ones where they are present."""
