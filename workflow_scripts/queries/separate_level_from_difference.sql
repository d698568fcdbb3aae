-- Does a scheme tell passages apart, or does it only hold the level of all scores?
-- One row is a scheme's own ablation on a collection: how far it shifts the level of the margins,
-- what it leaves of their spread, gap and order within queries, and beside its loss that of a random
-- set and of the other end of some ranking that shift the level about as far, up and down (null: none
-- does; a loss that they have too may be the level's). nearest_random_shift tells how far they reach.
WITH
controls AS (
    SELECT
        scheme,
        top_percent,
        collection,
        any_value(difference_percent) AS difference_percent,
        max(control_difference_percent) FILTER (control LIKE 'random:%' AND direction = 'up')
            AS random_up_percent,
        max(control_difference_percent) FILTER (control LIKE 'random:%' AND direction = 'down')
            AS random_down_percent,
        max(control_difference_percent) FILTER (control LIKE 'bottom:%' AND direction = 'up')
            AS bottom_up_percent,
        max(control_difference_percent) FILTER (control LIKE 'bottom:%' AND direction = 'down')
            AS bottom_down_percent,
        max(abs(control_shift)) FILTER (control LIKE 'random:%') AS nearest_random_shift,
        max(abs(control_shift)) FILTER (control LIKE 'bottom:%') AS nearest_bottom_shift
    FROM level_controls
    GROUP BY scheme, top_percent, collection
)

SELECT
    scheme,
    top_percent,
    collection,
    difference_percent,
    shift,
    shift_low,
    shift_high,
    p_relevant,
    p_relevant_pruned,
    p_non_relevant,
    p_non_relevant_pruned,
    spread_percent,
    gap_percent,
    rank_correlation,
    accuracy,
    accuracy_pruned,
    accuracy_lexical_pruned - accuracy_lexical AS lexical_change,
    accuracy_semantic_pruned - accuracy_semantic AS semantic_change,
    random_up_percent,
    random_down_percent,
    bottom_up_percent,
    bottom_down_percent,
    nearest_random_shift,
    nearest_bottom_shift
FROM level_changes
LEFT JOIN controls USING (scheme, top_percent, collection)
WHERE NOT contains(scheme, ':')
ORDER BY top_percent, scheme, collection;
