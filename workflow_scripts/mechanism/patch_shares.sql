-- One row is a diagnostic pair under a patch, or a path, with what it carries of the perturbation.
-- effect: (logit - logit_before) / (logit_after - logit_before), the same of the estimate; null where
-- the perturbation changes the logit by less than smallest_change, or not at all. flipped: whether
-- the pair's passage has another rank among its competitors under the patch; null without any.
-- Variables: effects (files), diagnostic_scores (files), smallest_change (of the logit).
WITH
effects AS (
    SELECT * FROM read_parquet(getvariable('effects'))
),

patched_levels AS (
    SELECT collection, pair, competitor_logits
    FROM read_parquet(getvariable('diagnostic_scores'))
    QUALIFY row_number() OVER (PARTITION BY collection, pair ORDER BY level DESC) = 1
),

ranked AS (
    SELECT effects.*,
        nullif(logit_after - logit_before, 0) AS whole,
        len(competitor_logits) AS n_competitors,
        len(list_filter(competitor_logits, lambda other: other > logit)) AS above_patched,
        len(list_filter(competitor_logits, lambda other: other > logit_before)) AS above_before
    FROM effects
    LEFT JOIN patched_levels USING (collection, pair)
)

SELECT * EXCLUDE (whole, n_competitors, above_patched, above_before),
    if(abs(whole) >= getvariable('smallest_change'), (logit - logit_before) / whole, NULL)
        AS effect,
    logit - logit_before AS logit_change,
    if(n_competitors > 0, above_patched <> above_before, NULL) AS flipped
FROM ranked
ORDER BY ALL;
