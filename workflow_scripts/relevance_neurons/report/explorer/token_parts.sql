-- One row is a part of the pairs ([CLS], query, passage, …) behind a layer, for a method with layers:
-- the mean score of its tokens, scaled to 0 to 1 within the pair, and its share of all scores.
SELECT
    collection,
    method,
    layer,
    part,
    scaled,
    scaled_low,
    scaled_high,
    100 * weight AS weight_percent,
    100 * weight_low AS weight_low,
    100 * weight_high AS weight_high,
    n_pairs,
    n_queries
FROM special_tokens
WHERE layer IS NOT NULL
ORDER BY collection, method, part, layer;
