"""The explorer: one page, made from neurons.duckdb alone, that opens on the study's answer.

Read ``explore.py`` first: it names the sections in their order. A section is a function from the
``Results`` to HTML made of plots, tables and views that controls switch.
"""

from relevance_neurons.running.extras import extra

with extra("plots"):
    import itables  # noqa: F401
    import plotly  # noqa: F401
