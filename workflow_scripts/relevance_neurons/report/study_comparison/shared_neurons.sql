-- One row is a scheme at a level that both studies have: how many neurons it has in each of them,
-- and how many in both.
WITH
sizes_a AS (SELECT scheme, top_percent, count(*) AS n FROM a_schemes GROUP BY ALL),

sizes_b AS (SELECT scheme, top_percent, count(*) AS n FROM b_schemes GROUP BY ALL),

-- An empty intersection has no neurons, but a size.
cells_a AS (
    SELECT scheme, top_percent, n FROM sizes_a
    UNION ALL
    SELECT scheme, top_percent, 0 FROM a_scheme_sizes WHERE n_neurons = 0
),

cells_b AS (
    SELECT scheme, top_percent, n FROM sizes_b
    UNION ALL
    SELECT scheme, top_percent, 0 FROM b_scheme_sizes WHERE n_neurons = 0
),

shared AS (
    SELECT scheme, top_percent, count(*) AS n_shared
    FROM a_schemes
    INNER JOIN b_schemes USING (scheme, top_percent, layer, component, neuron)
    GROUP BY ALL
)

SELECT scheme, top_percent, a.n AS n_a, b.n AS n_b, coalesce(n_shared, 0) AS n_shared
FROM cells_a AS a
INNER JOIN cells_b AS b USING (scheme, top_percent)
LEFT JOIN shared USING (scheme, top_percent)
ORDER BY scheme, top_percent;
