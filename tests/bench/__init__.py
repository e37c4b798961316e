"""Benchmarks: side by side with what they compare to, in one run, as ratios. Never a timed test.

python -m tests.bench engine
"""
