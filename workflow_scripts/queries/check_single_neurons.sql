-- Does a neuron's score foretell what F loses without it?
-- One row is a component under a label, for a method and a sample (random neurons, or those with
-- the largest scores): over the neurons that were switched off one by one,
-- Spearman's rank correlation of score and true change (the neuron gives 0, or its mean), in how
-- many percent of those where neither is 0 both have the same sign, and the neuron whose loss
-- changes F most.
WITH
ranked AS (
    SELECT
        *,
        -- The mean rank of those that tie.
        rank() OVER by_score + (count(*) OVER as_score - 1) / 2 AS score_rank,
        rank() OVER by_zero + (count(*) OVER as_zero - 1) / 2 AS zero_rank,
        rank() OVER by_mean + (count(*) OVER as_mean - 1) / 2 AS mean_rank
    FROM single_neurons
    WINDOW
        by_score AS (PARTITION BY method, sample, label, component ORDER BY score),
        as_score AS (PARTITION BY method, sample, label, component, score),
        by_zero AS (PARTITION BY method, sample, label, component ORDER BY change_zero),
        as_zero AS (PARTITION BY method, sample, label, component, change_zero),
        by_mean AS (PARTITION BY method, sample, label, component ORDER BY change_mean),
        as_mean AS (PARTITION BY method, sample, label, component, change_mean)
)

SELECT
    label,
    component,
    count(*) AS n_neurons,
    corr(score_rank, zero_rank) AS spearman_zero,
    corr(score_rank, mean_rank) AS spearman_mean,
    100 * avg((sign(score) = sign(change_zero))::INTEGER)
        FILTER (score <> 0 AND change_zero <> 0) AS same_sign_percent_zero,
    100 * avg((sign(score) = sign(change_mean))::INTEGER)
        FILTER (score <> 0 AND change_mean <> 0) AS same_sign_percent_mean,
    arg_max(format('layer {} neuron {}', layer, neuron), abs(change_zero)) AS largest_change_of,
    max(abs(change_zero)) AS largest_change,
    method,
    sample
FROM ranked
GROUP BY method, sample, label, component
ORDER BY method, sample, label, component_order(component);
