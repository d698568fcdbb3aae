-- One row is a scheme's own ablation at a level on a collection, with its method: what it loses
-- beside its controls, and what is known of the method that chose its neurons.
-- Variables: ablation_effects, level_changes, single_neuron_correlations, split_halves, overlaps
-- (a file each), attribution_checks (files), methods (list of names, the study's own first),
-- scheme_methods (list of {scheme, methods}: of a scheme across methods all their names).
WITH
effects AS (
    SELECT effect.*, named.methods AS method
    FROM read_parquet(getvariable('ablation_effects')) AS effect
    LEFT JOIN (SELECT unnest(getvariable('scheme_methods'), recursive := true)) AS named
        ON named.scheme = effect.scheme
),

controls AS (
    SELECT split_part(scheme, ':', 2) AS scheme, top_percent, collection,
        max(difference_percent) FILTER (scheme LIKE 'random:%') AS random_percent,
        max(difference_percent) FILTER (scheme LIKE 'matched:%') AS matched_percent
    FROM effects
    GROUP BY ALL
),

-- Means over labels; an interval's ends are means of ends: wider than an interval of the mean.
correlations AS (
    SELECT method, sample, avg(spearman_zero ORDER BY label) AS spearman,
        avg(spearman_low_zero ORDER BY label) AS low, avg(spearman_high_zero ORDER BY label) AS high
    FROM read_parquet(getvariable('single_neuron_correlations'))
    WHERE component = 'all'
    GROUP BY method, sample
),

halves AS (
    SELECT method, top_percent,
        avg(shared_percent ORDER BY collection, label, halving) AS split_halves_percent
    FROM read_parquet(getvariable('split_halves'))
    GROUP BY method, top_percent
),

shared AS (
    SELECT other AS method, top_percent, avg(shared_percent ORDER BY label, collections)
        AS overlap_first_percent
    FROM (SELECT *, unnest(methods) AS other FROM read_parquet(getvariable('overlaps')))
    WHERE kind = 'methods' AND list_contains(methods, getvariable('methods')[1])
        AND other <> getvariable('methods')[1]
    GROUP BY other, top_percent
),

costs AS (
    SELECT method, avg(cost_forwards ORDER BY cost_forwards) AS cost_forwards
    FROM read_parquet(getvariable('attribution_checks'), union_by_name = true)
    GROUP BY method
)

SELECT effect.method, effect.scheme, top_percent, collection, effect.n_neurons,
    difference_percent, effect.ci_low, effect.ci_high, effect.p_value, effect.p_value_holm,
    random_percent, effect.p_value_random, effect.p_value_random_t, matched_percent,
    effect.p_value_matched, effect.p_value_matched_t, effect.attainable_percent, effect.n_queries,
    shift, gap_percent, rank_correlation,
    weak.spearman AS spearman_random, weak.low AS spearman_random_low,
    weak.high AS spearman_random_high, strong.spearman AS spearman_strong,
    strong.low AS spearman_strong_low, strong.high AS spearman_strong_high,
    split_halves_percent, overlap_first_percent, cost_forwards
FROM (FROM effects WHERE NOT contains(scheme, ':')) AS effect
LEFT JOIN controls USING (scheme, top_percent, collection)
LEFT JOIN read_parquet(getvariable('level_changes')) AS changes
    USING (scheme, top_percent, collection)
LEFT JOIN (FROM correlations WHERE sample = 'random') AS weak USING (method)
LEFT JOIN (FROM correlations WHERE sample = 'strong') AS strong USING (method)
LEFT JOIN halves USING (method, top_percent)
LEFT JOIN shared USING (method, top_percent)
LEFT JOIN costs USING (method)
ORDER BY list_position(getvariable('methods'), effect.method) NULLS LAST, scheme, top_percent, collection;
