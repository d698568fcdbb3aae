-- One row is an own ablation over the collections of a domain: its loss, and the smallest that its test
-- would find with power 0.8, alone and after Holm's correction.
SELECT
    scheme,
    top_percent,
    domain,
    n_collections,
    n_queries,
    difference_percent,
    p_value,
    p_value_holm,
    detectable_percent,
    detectable_holm_percent
FROM pooled_effects
WHERE NOT contains(scheme, ':') AND difference_percent IS NOT NULL
ORDER BY top_percent, scheme, domain;
