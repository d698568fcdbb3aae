"""Does the ranker rank as BM25 with soft term frequencies would? Its logits regressed on them.

Read table.py first, then variants.py, which has the regressions.
"""

from relevance_neurons.running.extras import extra

with extra("tokens"):
    import sklearn  # noqa: F401
