-- One row is a grid of patches and a site, with how well linear attribution patching foretells them.
-- Compared are the mean effects of all patches (n_patches): pearson, spearman (by average ranks) and
-- the mean absolute error. top_shared_percent: of the tenth of the patches with the largest exact
-- effects, by size, how many are among as many with the largest estimates; a tenth is rounded up,
-- and ties are broken by layer, head and token class.
-- Variables: patches (file).
WITH
patches AS (
    SELECT * FROM read_parquet(getvariable('patches'))
    WHERE effect IS NOT NULL AND estimated_effect IS NOT NULL
),

ranked AS (
    SELECT *,
        rank() OVER (one ORDER BY effect) + (count(*) OVER (one_effect) - 1) / 2 AS effect_rank,
        rank() OVER (one ORDER BY estimated_effect) + (count(*) OVER (one_estimate) - 1) / 2
            AS estimate_rank,
        row_number() OVER (one ORDER BY abs(effect) DESC, layer, head, token_class) AS effect_place,
        row_number() OVER (one ORDER BY abs(estimated_effect) DESC, layer, head, token_class)
            AS estimate_place,
        ceil(0.1 * count(*) OVER (one)) AS n_top
    FROM patches
    WINDOW one AS (PARTITION BY collection, perturbation, grid, site),
        one_effect AS (PARTITION BY collection, perturbation, grid, site, effect),
        one_estimate AS (PARTITION BY collection, perturbation, grid, site, estimated_effect)
)

SELECT collection, perturbation, grid, site,
    count(*) AS n_patches,
    if(count(DISTINCT effect) > 1 AND count(DISTINCT estimated_effect) > 1,
        corr(effect, estimated_effect), NULL) AS pearson,
    if(count(DISTINCT effect) > 1 AND count(DISTINCT estimated_effect) > 1,
        corr(effect_rank, estimate_rank), NULL) AS spearman,
    avg(abs(estimated_effect - effect)) AS mean_absolute_error,
    100 * count(*) FILTER (effect_place <= n_top AND estimate_place <= n_top) / max(n_top)
        AS top_shared_percent
FROM ranked
GROUP BY collection, perturbation, grid, site
ORDER BY ALL;
