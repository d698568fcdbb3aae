-- One row is a degradation curve in numbers: what p of the label loses with the first tokens and over
-- all steps, and whether that differs from the first method's.
SELECT
    collection,
    method,
    layer,
    removal,
    "order",
    first_drop,
    first_drop_low,
    first_drop_high,
    mean_drop,
    mean_drop_low,
    mean_drop_high,
    area,
    area_low,
    area_high,
    compared_with,
    drop_difference,
    drop_difference_low,
    drop_difference_high,
    p_value,
    p_value_holm,
    n_pairs,
    n_queries
FROM degradation_areas
ORDER BY collection, removal, "order" DESC, method, layer;
