-- One row is a label of a method at any level: what two collections share (lowest, mean and highest of
-- all pairs), what all of them share, and what chance would give two.
SELECT
    coalesce(method, '') AS method,
    label,
    top_percent,
    any_value(n_selected) AS n_selected,
    count(*) FILTER (kind = 'pair') AS n_pairs,
    min(shared_percent) FILTER (kind = 'pair') AS lowest,
    avg(shared_percent ORDER BY collections) FILTER (kind = 'pair') AS mean,
    max(shared_percent) FILTER (kind = 'pair') AS highest,
    any_value(shared_percent) FILTER (kind = 'intersection_all') AS by_all,
    any_value(len(collections)) FILTER (kind = 'intersection_all') AS n_all,
    any_value(expected_percent) FILTER (kind = 'pair') AS expected,
    any_value(expected_low) FILTER (kind = 'pair') AS expected_low,
    any_value(expected_high) FILTER (kind = 'pair') AS expected_high
FROM "overlaps"
WHERE kind IN ('pair', 'intersection_all')
GROUP BY method, label, top_percent
ORDER BY method, label, top_percent;
