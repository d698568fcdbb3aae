"""The figures of a study, each a function from frames to a matplotlib figure, in one style.

Read style.py (with style.mplstyle) first, then overlaps.py.
"""

from relevance_neurons.running.extras import extra

with extra("plots"):
    import matplotlib  # noqa: F401
