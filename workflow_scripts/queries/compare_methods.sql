-- Which method finds the neurons that the ranker needs?
-- One row is a method, scheme and level: the mean loss over collections, on how many it is significant
-- after Holm, the loss of random and matched neurons (and on how many collections it is below them, by
-- the t-test over draws), whether scores foretell true changes, how stable tops are, what a pair costs.
SELECT
    split_part(scheme, '@', 1) AS family,
    top_percent,
    method,
    max(n_neurons) AS n_neurons,
    count(*) AS n_collections,
    avg(difference_percent ORDER BY collection) AS mean_difference_percent,
    count(*) FILTER (p_value_holm <= 0.05) AS n_significant_holm,
    avg(random_percent ORDER BY collection) AS mean_random_percent,
    count(*) FILTER (p_value_random_t <= 0.05) AS n_below_random,
    avg(matched_percent ORDER BY collection) AS mean_matched_percent,
    count(*) FILTER (p_value_matched_t <= 0.05) AS n_below_matched,
    avg(shift ORDER BY collection) AS mean_shift,
    avg(gap_percent ORDER BY collection) AS mean_gap_percent,
    any_value(spearman_random) AS spearman_random,
    any_value(spearman_strong) AS spearman_strong,
    any_value(split_halves_percent) AS split_halves_percent,
    any_value(overlap_first_percent) AS overlap_first_percent,
    any_value(cost_forwards) AS cost_forwards
FROM methods
GROUP BY family, top_percent, method
ORDER BY family, top_percent, mean_difference_percent, method;
