"""Neuron Integrated Gradients: baselines, paths, grids of points, and the mean score of a neuron.

Read attribute.py first, then pair_scores.py.
"""
