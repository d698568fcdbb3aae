"""What is known of a pair whose tokens were scored."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TokenCheck:
    """How pair number ``pair`` was scored.

    ``n_tokens`` counts special tokens too; a pair that ``is_cut`` did not fit into max_length.
    ``p_label``: the ranker's probability of the pair's label. What ``before`` and ``after`` are
    depends on the method: information_bottleneck: the loss at the start and at the end;
    integrated_gradients: F(x) - F(baseline) and the sum of the scores; lime: F(x) and what the fit
    predicts of it; leave_one_out: F(x) and F with nothing left but special tokens; random: nan.
    ``cost_forwards``: forward passes that the pair cost; a backward pass counts as one.
    """

    pair: int
    n_tokens: int
    is_cut: bool
    p_label: float
    before: float
    after: float
    cost_forwards: float
