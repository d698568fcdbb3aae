-- One row is a neuron that the map or one of its bootstrap replicates has in its top at a level;
-- frequency is the share of the replicates that have it there, selected whether the map itself has.
-- A replicate that drew no pair (NaN) does not count; without replicates the frequency is null.
-- Variables: neuron_scores (a file), bootstrap_scores (the file of the same
-- map), top_percents (list).
-- 221,184 neurons, 100 replicates: 6 s and 1 GB (2 busy cores).
WITH
neurons AS (
    SELECT *, row_number() OVER (ORDER BY layer, component_order(component), neuron) AS position
    FROM read_parquet(getvariable('neuron_scores'))
),

levels AS (
    SELECT top_percent, n_selected(top_percent, n_neurons) AS m
    FROM (SELECT DISTINCT unnest(getvariable('top_percents'))::DOUBLE AS top_percent),
        (SELECT count(*) AS n_neurons FROM neurons)
),

own AS (
    SELECT top_percent, position
    FROM (SELECT *, row_number() OVER (ORDER BY score DESC, position) AS rank FROM neurons)
    INNER JOIN levels ON rank <= m
),

replicates AS (
    SELECT
        position,
        unnest(replicate_scores) AS score,
        generate_subscripts(replicate_scores, 1) AS replicate
    FROM read_parquet(getvariable('bootstrap_scores'))
    INNER JOIN neurons USING (collection, label, method, layer, component, neuron)
),

ranked AS (
    SELECT position, replicate, row_number() OVER (
        PARTITION BY replicate ORDER BY score DESC, position
    ) AS rank
    FROM replicates
    WHERE NOT isnan(score)
),

counts AS (
    SELECT top_percent, position, count(*) AS n_replicates
    FROM ranked
    INNER JOIN levels ON rank <= m
    GROUP BY top_percent, position
)

SELECT collection, label, method, top_percent, layer, component, neuron,
    coalesce(n_replicates, 0) / nullif((SELECT count(DISTINCT replicate) FROM ranked), 0)
        AS frequency,
    own.position IS NOT NULL AS selected
FROM own
FULL JOIN counts USING (top_percent, position)
INNER JOIN neurons USING (position)
ORDER BY collection, label, top_percent, layer, component_order(component), neuron;
