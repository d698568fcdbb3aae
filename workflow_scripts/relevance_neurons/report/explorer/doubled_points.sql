-- One row is a map at a level: what stays of it with twice the points of every path.
SELECT
    coalesce(method, '') AS method,
    collection,
    label,
    top_percent,
    n_pairs,
    points,
    points_doubled,
    shared_percent,
    kendall_tau,
    100 * relative_difference AS difference_percent,
    100 * worst_pair_difference AS worst_pair_percent
FROM convergence
ORDER BY method, collection, label, top_percent;
