-- One row is a map at a level: what the tops of two random halves of its pairs share, over n_halvings.
SELECT
    coalesce(method, '') AS method,
    collection,
    label,
    top_percent,
    max(n_pairs_half) AS n_pairs_half,
    count(*) AS n_halvings,
    avg(shared_percent ORDER BY halving) AS shared_percent,
    min(shared_percent) AS lowest,
    max(shared_percent) AS highest
FROM split_halves
GROUP BY method, collection, label, top_percent
ORDER BY method, collection, label, top_percent;
