"""What paper 004 says, in words and numbers, and when it holds here."""

from __future__ import annotations

from typing import NamedTuple


class Claim(NamedTuple):
    """What is claimed; the paper's words in short; its number, None where it gives none."""

    words: str
    paper: str
    number: float | None = None


CLAIMS = {
    "first_drop_bottleneck": Claim("first drop of p, bottleneck", ".565", 0.565),
    "first_drop_integrated_gradients": Claim("first drop, integrated gradients", ".265", 0.265),
    "first_drop_lime": Claim("first drop, LIME", ".043", 0.043),
    "first_drop_leave_one_out": Claim("first drop, leave one out", "not tried"),
    "first_drop_random": Claim("first drop, random", ".135", 0.135),
    "faster_than_bottleneck": Claim("p falls faster than by this bottleneck", "not tried"),
    "faster_than_integrated_gradients": Claim(
        "p falls faster than by integrated gradients", "first drop .565, .265"
    ),
    "faster_than_lime": Claim("p falls faster than by LIME", "first drop .565, .043"),
    "faster_than_leave_one_out": Claim("p falls faster than by leave one out", "not tried"),
    "faster_than_random": Claim("p falls faster than by random", "first drop .565, .135"),
    "lime_below_random": Claim("LIME is worse than random", "first drop .043, .135"),
    "two_thirds_layer_fastest": Claim(
        "of all layers the one at 2/3 of the depth lets p fall fastest", "layer 16 of 24"
    ),
    "last_layer_slowest": Claim("the last layer is the slowest", "[CLS] is never removed"),
    "cls_falls_early": Claim("[CLS] falls in the first layers", "layers 1–7 of 24"),
    "cls_rises_late": Claim("[CLS] rises in the last third", "layers 16–24 of 24"),
    "important_words_early": Claim("important tokens stand early", "most in the first 20"),
    "overlap_falls_important": Claim("matches fall with rank, important tokens", "ρ −.98", -0.98),
    "overlap_falls_all": Claim("matches fall with rank, all tokens", "ρ −.71", -0.71),
    "overlap_falls_important_not_relevant": Claim(
        "matches fall with rank, important tokens, passages that are not relevant", "not tried"
    ),
    "important_fall_more": Claim("important ones fall more steadily", "ρ −.98, −.71", -0.27),
    "top_overlap_below_first_stage": Claim(
        "the ranker's top matches the query less than the first stage's top",
        "Jaccard .062, .074",
        -0.012,
    ),
    "removed_both": Claim("of query and passage can be removed (%)", "10.39 %", 10.39),
    "removed_passage": Claim("of the passage can be removed (%)", "22.49 %", 22.49),
    "passage_alone_more_robust": Claim(
        "more of the passage alone can be removed", "22.49 %, 10.39 %", 12.1
    ),
    "less_kept_ranks_worse": Claim(
        "with 90 % of all passages kept MRR is lower", ".311 for .411", -0.1
    ),
    "swapped_ranks_worse": Claim("first two sentences swapped: MRR", ".362 for .411", -0.049),
    "shuffled_ranks_worse": Claim("sentences shuffled: MRR", ".343 for .411", -0.068),
    "reversed_ranks_worse": Claim("sentences reversed: MRR", ".332 for .411", -0.079),
    "swapped_lowers_p": Claim("first two sentences swapped: p", ".920 for .939", -0.019),
    "shuffled_lowers_p": Claim("sentences shuffled: p", ".918 for .939", -0.021),
    "reversed_lowers_p": Claim("sentences reversed: p", ".897 for .939", -0.042),
    "wrongly_higher_match_earlier_max": Claim(
        "wrongly higher passages match earlier, largest (% of queries)", "86.2 %", 86.2
    ),
    "wrongly_higher_match_earlier_mean": Claim(
        "wrongly higher passages match earlier, mean (% of queries)", "63.8 %", 63.8
    ),
}
"""Key -> claim. The numbers are those of METHOD.md, section 3; differences are of two of them."""

FEWEST = 6
"""Queries below which no verdict is given: with 5 that all agree, the two-sided p-value of a sign
test is 2 / 2^5 = .0625, and a bootstrap of so few draws its intervals too narrow."""


def verdict(
    low: float | None, high: float | None, threshold: float = 0.0, above: bool = True
) -> str:
    """``yes`` where the whole interval is on the claim's side of ``threshold``, ``no`` where it is
    on the other, else ``undecided``; also where there is no interval."""
    if low is None or high is None:
        return "undecided"
    if low > threshold:
        return "yes" if above else "no"
    if high < threshold:
        return "no" if above else "yes"
    return "undecided"
