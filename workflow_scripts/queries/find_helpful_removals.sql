-- Which neurons does the ranker do better without, on queries that did not choose them?
-- One row is the other end of a scheme's ranking at a level, switched off on a collection (all: the
-- mean over collections), whose gain has an interval above 0; the clearest first. Where it was only
-- measured for curves there is no test (p_value is null): of many, some gain by chance.
WITH
tested AS (
    SELECT
        split_part(scheme, ':', 2) AS scheme,
        top_percent,
        collection,
        n_neurons,
        difference_percent,
        ci_low,
        ci_high,
        p_value,
        p_value_holm
    FROM ablation_effects
    WHERE scheme LIKE 'bottom:%'
),

removed AS (
    SELECT * FROM tested
    UNION ALL BY NAME
    SELECT scheme, top_percent, collection, n_neurons, difference_percent, ci_low, ci_high
    FROM loss_curves
    ANTI JOIN tested USING (scheme, top_percent, collection)
    WHERE ablated = 'bottom'
)

SELECT *
FROM removed
WHERE ci_low > 0
ORDER BY p_value_holm NULLS LAST, ci_low DESC, scheme, top_percent, collection;
