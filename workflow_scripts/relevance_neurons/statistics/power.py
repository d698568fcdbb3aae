"""What a test could have found: the smallest difference that it finds with a given power."""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy.optimize import brentq
from scipy.stats import t
from statsmodels.stats.power import TTestPower

POWER = 0.8
_LARGEST = 1e6
"""Standard errors beyond which a difference is as good as never found."""


def detectable(error: float | None, freedom: int, alpha: float) -> float | None:
    """The smallest true difference that a two-sided t-test at ``alpha`` finds with ``POWER``.

    ``error`` is the standard error of the difference, in whose unit the answer is; ``freedom`` its
    degrees of freedom. None without an error, or where the noncentral t has no number for it.
    """
    if error is None or freedom < 1:
        return None
    errors = _detectable_errors(freedom, alpha)
    return None if errors is None else error * errors


@cache
def _detectable_errors(freedom: int, alpha: float) -> float | None:
    """The same in standard errors.

    statsmodels' own ``solve_power`` gives wrong answers without a word at small ``alpha``: of the
    other tail, which adds less than 1e-6 where the power is .8, SciPy's noncentral t is NaN, and
    where the search meets that it ends anywhere (25 values, alpha 1e-6: a power of .07).
    """
    n = freedom + 1

    def missing(errors: float) -> float:
        size = errors / np.sqrt(n)
        return TTestPower().power(size, n, alpha / 2, alternative="larger") - POWER

    high = 2 + float(t.isf(alpha / 2, freedom))
    while missing(high) < 0 and high < _LARGEST:
        high *= 2
    if not missing(high) >= 0 or not np.isfinite(missing(0.0)):
        return None
    return float(brentq(missing, 0.0, high, xtol=1e-9))
