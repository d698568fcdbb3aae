"""Rankers with neurons switched off: their rankings, measures and tests.

Read ablate.py first, then conditions.py and significance.py.
"""
