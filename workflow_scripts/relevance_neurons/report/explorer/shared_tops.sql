-- One row is a set of maps at a level that the study selects at: what their tops share, beside chance.
WITH
levels AS (
    SELECT DISTINCT top_percent FROM scheme_sizes
)

SELECT
    kind,
    label,
    collections,
    coalesce(methods, [method]) AS methods,
    top_percent,
    n_selected,
    n_shared,
    shared_percent,
    expected_percent,
    expected_low,
    expected_high,
    shared_percent / nullif(expected_percent, 0) AS times_chance,
    p_value_chance
FROM "overlaps"
INNER JOIN levels USING (top_percent)
ORDER BY
    list_position(['pair', 'labels', 'methods'], kind) NULLS LAST,
    kind, methods, label, top_percent, collections;
