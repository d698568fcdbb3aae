-- One row is a point of a degradation curve: p of the label with a share of the tokens removed, of
-- methods without layers and, of those with, behind layer $layer.
SELECT
    collection,
    method,
    layer,
    removal,
    "order",
    step,
    100 * share AS removed_percent,
    p_label,
    p_label_low,
    p_label_high,
    n_pairs,
    n_queries
FROM degradation_curves
WHERE layer IS NULL OR layer = $layer
ORDER BY collection, removal, "order", method, step;
