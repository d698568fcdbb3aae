"""Are the scores right, and do they mean something? Convergence, random weights, single neurons.

Read convergence.py first. What joins tokens or heads with neurons goes here too.
"""
