"""Kills, cuts and freezes, seeded, and checkers that read afterwards what the jobs themselves wrote down.

python -m tests.chaos --full      # the whole matrix, beside stock Huey; prints the table
pytest tests/chaos                # crash points and a short storm
"""
