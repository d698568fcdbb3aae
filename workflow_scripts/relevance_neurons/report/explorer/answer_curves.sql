-- One row is a point of a loss curve; ablated: top, bottom, keep_only, or the draws of random.
SELECT
    method,
    split_part(scheme, '@', 1) AS family,
    ablated,
    collection,
    n_neurons,
    top_percent,
    difference_percent,
    ci_low,
    ci_high,
    draw_low,
    draw_high
FROM loss_curves
WHERE ablated <> 'matched'
ORDER BY position('@' IN scheme) > 0, method, family, ablated, collection, n_neurons;
