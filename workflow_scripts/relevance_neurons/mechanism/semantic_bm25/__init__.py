"""Does the ranker rank as BM25 with soft term frequencies would? Its logits regressed on them.

Read table.py first, then variants.py, which has the regressions.
"""
