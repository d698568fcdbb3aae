-- One row is a query under a scheme's own ablation: its measure before and after; place counts the
-- queries of the ablation, largest loss first.
WITH
chosen AS (
    SELECT coalesce(
        (SELECT value FROM study WHERE key = 'ablation.measure'), (SELECT min(measure) FROM measures)
    ) AS measure
)

SELECT
    pruned.collection,
    pruned.scheme,
    pruned.top_percent,
    pruned.query_id,
    pruned.measure,
    original.value AS original,
    pruned.value AS pruned,
    pruned.value - original.value AS difference,
    row_number() OVER (
        PARTITION BY pruned.collection, pruned.scheme, pruned.top_percent
        ORDER BY pruned.value - original.value, pruned.query_id
    ) AS place
FROM measures AS pruned
INNER JOIN measures AS original USING (collection, query_id, measure)
INNER JOIN chosen USING (measure)
-- Not those of curves alone, at levels between.
SEMI JOIN ablation_effects AS effects
    ON effects.collection = pruned.collection
    AND effects.scheme = pruned.scheme
    AND effects.top_percent = pruned.top_percent
WHERE
    original.scheme = 'none'
    AND pruned.scheme NOT IN ('none', 'shuffled')
    AND NOT contains(pruned.scheme, ':')
ORDER BY pruned.collection, pruned.scheme, pruned.top_percent, place;
