-- One row is an ablation over the queries of all collections of a domain (in, out, all), each counting
-- alike; kind as in loss_effects.
SELECT
    if(contains(scheme, ':'), split_part(scheme, ':', 1), '') AS kind,
    split_part(scheme, ':', -1) AS scheme,
    top_percent,
    domain,
    n_collections,
    n_queries,
    original,
    pruned,
    difference_percent,
    ci_low,
    ci_high,
    p_value,
    p_value_holm,
    significant,
    significant_holm,
    detectable_percent,
    detectable_holm_percent
FROM pooled_effects
ORDER BY kind, top_percent, scheme, domain;
