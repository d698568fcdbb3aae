-- One row is a head: what it does to pairs whose passage was changed.
-- path_effects: of its path to the last residual stream, by pair of TFC1, or of STMC1 where TFC1
-- leaves none (path_perturbation); left out are pairs that change by less than smallest_change,
-- or not at all.
-- output_effect: the mean over pairs of TFC1 of all that it puts out. Null without a pair.
-- query_is_read: whether what attention adds at query words in its layer moves any score (0.1 % of
-- the most in any layer: not by rounding); where [CLS] alone is read, not in the last.
-- Variables: path_effects, patch_effects (files), smallest_change.
WITH
paths AS (
    SELECT
        *,
        (logit - logit_before) / (logit_after - logit_before) AS effect,
        count(*) FILTER (WHERE perturbation = 'TFC1') OVER () > 0 AS has_tfc
    FROM read_parquet(getvariable('path_effects'))
    WHERE
        receiver = 'residual'
        AND perturbation IN ('TFC1', 'STMC1')
        AND abs(logit_after - logit_before) >= getvariable('smallest_change')
        AND logit_after <> logit_before
),

effects AS (
    SELECT
        sender_layer AS layer,
        sender_head AS head,
        any_value(perturbation) AS path_perturbation,
        list(effect ORDER BY collection, pair) AS path_effects
    FROM paths
    WHERE perturbation = if(has_tfc, 'TFC1', 'STMC1')
    GROUP BY sender_layer, sender_head
),

outputs AS (
    SELECT
        layer,
        head,
        avg((logit - logit_before) / (logit_after - logit_before) ORDER BY collection, pair)
            AS output_effect
    FROM read_parquet(getvariable('patch_effects'))
    WHERE
        grid = 'head'
        AND site = 'output'
        AND perturbation = 'TFC1'
        AND token_class = 'all'
        AND abs(logit_after - logit_before) >= getvariable('smallest_change')
        AND logit_after <> logit_before
    GROUP BY layer, head
),

layers AS (
    SELECT
        layer,
        max(abs(logit - logit_before)) AS moved,
        moved > 0.001 * max(moved) OVER () AS query_is_read
    FROM read_parquet(getvariable('patch_effects'))
    WHERE
        grid = 'block' AND site = 'attention_output'
        AND token_class IN ('query_term', 'query_other')
    GROUP BY layer
)

SELECT
    layer,
    head,
    path_perturbation,
    path_effects,
    output_effect,
    query_is_read
FROM effects
FULL JOIN outputs USING (layer, head)
LEFT JOIN layers USING (layer)
ORDER BY layer, head;
