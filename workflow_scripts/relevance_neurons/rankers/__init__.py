"""Rankers: loading and training them, their neurons, the passes through them.

Read reranker.py first, then neurons.py.
"""
