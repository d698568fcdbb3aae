-- One row is a map at a level: how many neurons are in its top, and how often replicates of the
-- bootstrap over pairs select these again.
SELECT
    coalesce(method, '') AS method,
    collection,
    label,
    top_percent,
    count(*) AS n_neurons,
    avg(frequency) AS mean_frequency,
    100 * avg((frequency >= 0.95)::INTEGER) AS stable_percent
FROM selection_frequencies
WHERE selected
GROUP BY method, collection, label, top_percent
ORDER BY method, collection, label, top_percent;
