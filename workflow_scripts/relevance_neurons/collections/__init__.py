"""Documents, queries and judgments from any source, pairs of them, and BM25's candidates.

Read tables.py first: what becomes of a source.
"""
