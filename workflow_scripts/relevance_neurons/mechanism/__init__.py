"""How a cross-encoder ranks: its heads, inverse document frequency, and BM25 read out of them.

Read patcher.py first, then perturbations.py.
"""
