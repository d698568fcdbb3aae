-- Do other settings of the attribution give another map? Is that more than other pairs would?
-- One row is a variant of a map at a level of the study: its correlation with the study's own map,
-- what their tops share, chance, and what the tops of two halves of the map's own pairs share.
WITH
halvings AS (
    SELECT
        collection,
        label,
        top_percent,
        method,
        avg(shared_percent ORDER BY halving) AS halves_percent
    FROM split_halves
    GROUP BY collection, label, top_percent, method
)

SELECT
    variant_b AS variant,
    sensitivity.collection,
    sensitivity.label,
    sensitivity.top_percent,
    kendall_tau,
    spearman,
    shared_percent,
    expected_percent,
    halves_percent
FROM sensitivity
LEFT JOIN halvings
    ON halvings.collection = sensitivity.collection
    AND halvings.label = sensitivity.label
    AND halvings.top_percent = sensitivity.top_percent
    AND halvings.method IS NOT DISTINCT FROM sensitivity.method
WHERE variant_a = 'study'
ORDER BY variant, sensitivity.collection, sensitivity.label, sensitivity.top_percent;
