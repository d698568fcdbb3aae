-- One row is a selected neuron of a scheme; its score is the mean over the scheme's maps.
-- Exactly n_selected(top_percent, neurons that it may pick) neurons of each member; ties are broken
-- by layer, component_order, neuron. A scheme of several members is the intersection of their picks.
-- Variables: neuron_scores (files), schemes (rows of define_schemes.sql), top_percents (list).
WITH
definitions AS (
    SELECT one.* FROM (SELECT unnest(getvariable('schemes')) AS one)
),

maps AS (
    SELECT collection, label, method, layer, component, neuron, score
    FROM read_parquet(getvariable('neuron_scores'))
),

top_percents AS (
    SELECT DISTINCT unnest(getvariable('top_percents'))::DOUBLE AS top_percent
),

scheme_members AS (
    SELECT scheme, member, count(*) OVER (PARTITION BY scheme) AS n_members
    FROM (SELECT DISTINCT scheme, member FROM definitions)
),

-- Sums are ordered, so that the same maps give the same digits on any number of threads.
member_scores AS (
    SELECT member, rank_by, pick, layer, component, neuron,
        avg(score ORDER BY collection, label) AS score
    FROM (SELECT DISTINCT * EXCLUDE (scheme) FROM definitions)
    INNER JOIN maps USING (collection, label, method)
    WHERE (len(components) = 0 OR list_contains(components, component))
        AND (len(layers) = 0 OR list_contains(layers, layer))
    GROUP BY ALL
),

ranked AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY member
            ORDER BY
                if(rank_by = 'absolute', abs(score), score) * if(pick = 'bottom', -1, 1) DESC,
                layer, component_order(component), neuron
        ) AS rank,
        count(*) OVER (PARTITION BY member) AS n_neurons
    FROM member_scores
),

selected AS (
    SELECT member, top_percent, layer, component, neuron, score
    FROM ranked
    INNER JOIN top_percents ON rank <= n_selected(top_percent, n_neurons)
)

SELECT
    scheme,
    top_percent,
    layer,
    component,
    neuron,
    avg(score ORDER BY member) AS score
FROM selected
INNER JOIN scheme_members USING (member)
GROUP BY scheme, top_percent, layer, component, neuron, n_members
HAVING count(*) = n_members
ORDER BY scheme, top_percent, layer, component_order(component), neuron;
