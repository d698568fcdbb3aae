-- One row is a head of the ranker: the numbers that decided what it is, and why in words.
SELECT
    layer,
    head,
    kind,
    is_matching,
    is_relevance,
    match_attention,
    greatest(null_shuffles, null_rankers) AS null_match_attention,
    cls_query_share,
    null_cls_query_share,
    path_effect,
    path_ci_low,
    path_ci_high,
    path_p_holm,
    output_effect,
    n_words,
    n_path_pairs,
    path_perturbation,
    why
FROM heads
ORDER BY layer, head;
