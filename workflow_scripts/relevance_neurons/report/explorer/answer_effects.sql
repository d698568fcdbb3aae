-- One row is a scheme's own ablation at a level on a collection, beside its random draws.
SELECT
    effect.scheme,
    effect.top_percent,
    effect.collection,
    effect.n_neurons,
    effect.n_queries,
    effect.original,
    effect.pruned,
    effect.difference_percent,
    effect.ci_low,
    effect.ci_high,
    effect.p_value_holm,
    effect.significant_holm,
    -- The draws as a sample where three or more allow a t-test, else the count of draws.
    coalesce(effect.p_value_random_t, effect.p_value_random) AS p_random,
    effect.detectable_holm_percent,
    control.draw_low,
    control.draw_high,
    control.n_draws
FROM ablation_effects AS effect
LEFT JOIN ablation_effects AS control
    ON control.scheme = 'random:' || effect.scheme
    AND control.top_percent = effect.top_percent
    AND control.collection = effect.collection
WHERE effect.scheme NOT LIKE '%:%' AND effect.scheme <> 'none'
ORDER BY effect.scheme, effect.top_percent, effect.collection;
