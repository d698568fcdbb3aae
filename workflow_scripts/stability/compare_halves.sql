-- One row is a random halving of a map's pairs at a level: the share of the top of one half's mean
-- scores that is in the top of the other's. A lower bound of what two collections with the same true
-- map would share: their tops rest on all pairs, each half's on half of them, so halves share less.
-- n_pairs_half are the pairs of the smaller half; a map of a single pair has no halves.
-- Variables: half_scores (a file), neuron_scores (the file of the same map),
-- levels (list of percents; those that select no neuron are left out).
-- 221,184 neurons, 20 halvings: 7 s and 0.5 GB (2 cores).
WITH
neurons AS (
    SELECT *, row_number() OVER (ORDER BY layer, component_order(component), neuron) AS position
    FROM read_parquet(getvariable('neuron_scores'))
),

map AS (
    SELECT collection, label, method, (any_value(n_pairs) // 2)::INTEGER AS n_pairs_half, count(*) AS n_neurons
    FROM neurons
    GROUP BY collection, label, method
),

levels AS (
    SELECT DISTINCT top_percent, n_selected(top_percent, n_neurons) AS m
    FROM map, (SELECT unnest(getvariable('levels'))::DOUBLE AS top_percent)
    WHERE m > 0
),

halvings AS (
    SELECT unnest(range(len(any_value(first_half))))::INTEGER AS halving
    FROM read_parquet(getvariable('half_scores'))
),

halves AS (
    SELECT
        position,
        unnest(first_half) AS first_score,
        unnest(second_half) AS second_score,
        generate_subscripts(first_half, 1) - 1 AS halving
    FROM read_parquet(getvariable('half_scores'))
    INNER JOIN neurons USING (collection, label, method, layer, component, neuron)
),

-- A neuron is in the top m of both halves where the worse of its ranks is at most m.
ranked AS (
    SELECT halving, greatest(
        row_number() OVER (PARTITION BY halving ORDER BY first_score DESC, position),
        row_number() OVER (PARTITION BY halving ORDER BY second_score DESC, position)
    ) AS worst_rank
    FROM halves
    QUALIFY worst_rank <= (SELECT max(m) FROM levels)
)

SELECT collection, label, method, top_percent, halving, n_pairs_half,
    100 * count(*) FILTER (worst_rank <= m) / m AS shared_percent
FROM map CROSS JOIN levels CROSS JOIN halvings LEFT JOIN ranked USING (halving)
WHERE n_pairs_half > 0
GROUP BY collection, label, method, top_percent, halving, n_pairs_half, m
ORDER BY collection, label, top_percent, halving;
