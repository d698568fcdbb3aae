"""Rankers with neurons switched off: their rankings, the measures of these, and what is significant.

Read ablate.py first, then conditions.py and significance.py.
"""
