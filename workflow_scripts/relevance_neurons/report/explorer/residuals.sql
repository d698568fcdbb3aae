-- One row is a map: how far its pairs' scores are from what they must add up to, |residual| in percent
-- of |f_input - f_baseline| (nulls for methods without such a sum), and what a pair cost.
WITH
errors AS (
    SELECT
        coalesce(method, '') AS method,
        collection,
        label,
        n_points,
        cost_forwards,
        100 * abs(residual) / nullif(abs(f_input - f_baseline), 0) AS error_percent
    FROM attribution_checks
)

SELECT
    method,
    collection,
    label,
    count(*) AS n_pairs,
    median(error_percent) AS median_percent,
    quantile_cont(error_percent, 0.9) AS percent_of_90_in_100,
    max(error_percent) AS worst_percent,
    avg(n_points) AS mean_points,
    avg(cost_forwards) AS mean_cost_forwards
FROM errors
GROUP BY method, collection, label
ORDER BY method, collection, label;
