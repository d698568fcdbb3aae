-- One row is a scheme at a level: how many neurons it has (0 where an intersection is empty) and
-- the collections whose maps it rests on, in the study's order.
-- Variables: schemes (rows of define_schemes.sql), collections (list of {name, domain}),
-- top_percents (list), selected (the file that select_neurons.sql wrote).
WITH
definitions AS (
    SELECT one.* FROM (SELECT unnest(getvariable('schemes')) AS one)
),

collections AS (
    SELECT
        unnest(getvariable('collections'), recursive := true),
        generate_subscripts(getvariable('collections'), 1) AS position
),

top_percents AS (
    SELECT DISTINCT unnest(getvariable('top_percents'))::DOUBLE AS top_percent
),

selected AS (
    SELECT scheme, top_percent, count(*) AS n_neurons
    FROM read_parquet(getvariable('selected'))
    GROUP BY ALL
),

schemes AS (
    SELECT scheme, list(collection ORDER BY position) AS collections
    FROM (SELECT DISTINCT scheme, collection FROM definitions)
    INNER JOIN collections ON collections.name = collection
    GROUP BY scheme
)

SELECT scheme, top_percent, coalesce(n_neurons, 0) AS n_neurons, collections
FROM schemes
CROSS JOIN top_percents
LEFT JOIN selected USING (scheme, top_percent)
ORDER BY scheme, top_percent;
