-- Has the attribution converged: how far are the scores' sums from what they must add up to?
-- One row is a map: over its pairs, |residual| in percent of |f_input - f_baseline| (median, 90 %
-- of the pairs, worst) and the mean number of points on the path.
WITH
errors AS (
    SELECT
        collection,
        label,
        n_points,
        100 * abs(residual) / nullif(abs(f_input - f_baseline), 0) AS error_percent
    FROM attribution_checks
)

SELECT
    collection,
    label,
    count(*) AS n_pairs,
    median(error_percent) AS median_percent,
    quantile_cont(error_percent, 0.9) AS percent_of_90_in_100,
    max(error_percent) AS worst_percent,
    avg(n_points) AS mean_points
FROM errors
GROUP BY collection, label
ORDER BY collection, label;
