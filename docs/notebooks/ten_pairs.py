# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Notebook: ten pairs of your own
#
# A ranker, ten pairs, and four questions: which neurons score highest, what the ranker loses
# without them, which passages then change places, and which tokens it looks at. No study and no
# file is needed. As a notebook: `.venv/bin/jupytext --to ipynb docs/notebooks/ten_pairs.py`.

# %%
import polars as pl

from relevance_neurons import ablate, attribute, attribute_tokens, compare, load_reranker, select

# %% [markdown]
# A hub id, a folder, or a model that you hold in memory (a `CrossEncoder`, say).

# %%
reranker = load_reranker("cross-encoder/ms-marco-MiniLM-L6-v2", max_length=128)

# %% [markdown]
# Five queries, each with a passage that answers it (gain 1) and one that does not (gain 0).

# %%
questions = [
    (
        "what lifts a wing",
        "A wing has lift because the flow of air over it is faster.",
        "The wing of the museum is open to every user.",
    ),
    (
        "how does heat move",
        "Heat flows by itself from the warm body to the cold one.",
        "The last heat of the race is at noon.",
    ),
    (
        "what is a blood cell",
        "Red blood cells carry oxygen through the body.",
        "The cell of the monk had one small window.",
    ),
    (
        "how to rank pages for a query",
        "A model gives each page a score for the query and sorts by it.",
        "Turn the page and write your name.",
    ),
    (
        "how is energy stored",
        "A battery stores energy as chemicals that can react.",
        "She was full of energy at the meeting.",
    ),
]
rows = [
    (f"q{number}", query, f"q{number}-{gain}", text, gain)
    for number, (query, answer, other) in enumerate(questions, start=1)
    for gain, text in ((1, answer), (0, other))
]
candidates = pl.DataFrame(rows, ["query_id", "query", "doc_id", "text", "gain"], orient="row")
pairs = list(candidates.select("query", "text").iter_rows())
candidates.with_columns(log_p=pl.Series(reranker.score(pairs)))

# %% [markdown]
# ## The neurons
#
# Neuron Integrated Gradients of the pairs that are relevant; `method="gradient_x_activation"` is
# quicker. A row is a neuron, its mean score over the pairs and its standard error.

# %%
relevant = [pair for pair, gain in zip(pairs, candidates["gain"], strict=True) if gain > 0]
attribution = attribute(reranker, relevant, label="relevant")
attribution.frame().sort("score", descending=True).head(10)

# %% [markdown]
# The best 1 % of them, and where they are:

# %%
neurons = select(attribution, 1)
neurons.group_by("layer", "component").len().sort("layer", "component")

# %% [markdown]
# ## The ranking without them
#
# `ablate` switches neurons off within its block.

# %%
with ablate(reranker, neurons):
    without = reranker.score(pairs)
candidates.with_columns(
    log_p=pl.Series(reranker.score(pairs)), log_p_without=pl.Series(without)
).drop("text")

# %% [markdown]
# With a MiniLM that was trained on MS MARCO, p(relevant) of the five answers falls from .74 to .99
# to at most .08 without its 207 neurons, and q5 changes order.

# %% [markdown]
# `compare` ranks, measures, and tests against random neurons of the same layers and components.
# Five queries with two passages each are far too few for a test: look at the intervals.

# %%
comparison = compare(reranker, neurons, candidates, measure="nDCG@10")
comparison

# %%
comparison.rankings()

# %% [markdown]
# ## The tokens that it looks at
#
# The bottleneck behind one layer, or `method="leave_one_out"`. A notebook shows it as coloured
# text.

# %%
attribute_tokens(reranker, relevant, layer=2)
