"""What counts as no difference: sums of the same numbers in another order."""

ROUNDING = 1e-12
"""Means over draws differ by rounding from the one value that all draws share."""
