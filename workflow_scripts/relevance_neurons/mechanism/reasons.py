"""Why a head is what it is, in one sentence with the numbers of the rule."""

from __future__ import annotations

from collections.abc import Mapping


def why(row: Mapping[str, object], matching_named: bool, relevance_named: bool) -> str:
    """``row``: columns of the table heads, and looks, matches, reads (what of the rule is passed).

    looks: from query words at their equals; matches: in a layer, too, where that can be read.
    """
    matching = _verdict(row["is_matching"], row["matches"], matching_named, "matches equal words")
    if row["looks"] and not row["matches"] and not matching_named:
        matching = "looks at equal words where nothing reads what it adds to query words"
    relevance = _verdict(
        row["is_relevance"], row["reads"], relevance_named, "carries query words into [CLS]"
    )
    return f"{matching} ({_matching_numbers(row)}); {relevance} ({_relevance_numbers(row)})."


def _verdict(is_one: bool, passed: bool, named: bool, deed: str) -> str:
    if named:
        return f"by the study's word {'it' if is_one else 'not one that'} {deed}"
    if is_one:
        return deed
    return f"{deed}, but others do so more" if passed else f"no sign that it {deed}"


def _matching_numbers(row: Mapping[str, object]) -> str:
    if row["match_attention"] is None:
        return "no query word is in a passage beside others"
    return (
        f"{_number(row['match_attention'])} more of a word's attention than of other query words', "
        f"{_number(row['null_shuffles'])} in shuffled passages with p = "
        f"{_number(row['p_shuffles'])}, {_number(row['null_rankers'])} in random rankers"
    )


def _relevance_numbers(row: Mapping[str, object]) -> str:
    reading = (
        f"[CLS] looks at the query {_number(row['cls_query_share'])} times as much as uniform "
        f"attention would, {_number(row['null_cls_query_share'])} times in random rankers"
    )
    if row["path_effect"] is None:
        return f"no pair whose score TFC1 or STMC1 moves; {reading}"
    interval = f"{_number(row['path_ci_low'])} to {_number(row['path_ci_high'])}"
    return (
        f"its path does {_number(row['path_effect'])} of what {row['path_perturbation']} does to "
        f"the score, {interval}, Holm p = {_number(row['path_p_holm'])}; {reading}"
    )


def _number(value: object) -> str:
    return "unknown" if value is None else f"{value:.3g}"
