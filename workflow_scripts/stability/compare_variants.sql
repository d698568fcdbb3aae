-- One row is two variants of a map at a level: the share of one's top that is in the other's, and
-- what independent random tops of the same size would share.
-- Variables: files (a variant's file each, of one collection and label), variants (list of {variant,
-- file}, in the order in which they are to be named), top_percents (list; those that select no
-- neuron are left out).
WITH
variants AS (
    SELECT unnest(getvariable('variants'), recursive := true),
        generate_subscripts(getvariable('variants'), 1) AS place
),

ranked AS (
    SELECT collection, label, variant, place, layer, component, neuron, row_number() OVER (
        PARTITION BY variant ORDER BY score DESC, layer, component_order(component), neuron
    ) AS rank
    FROM read_parquet(getvariable('files'), filename = true)
    INNER JOIN variants ON filename = file
),

levels AS (
    SELECT DISTINCT top_percent, n_neurons, n_selected(top_percent, n_neurons) AS m
    FROM (SELECT max(rank) AS n_neurons FROM ranked),
        (SELECT unnest(getvariable('top_percents'))::DOUBLE AS top_percent)
    WHERE m > 0
),

-- A neuron is in the top m of both where the worse of its ranks is at most m.
compared AS (
    SELECT a.collection, a.label, a.variant AS variant_a, b.variant AS variant_b,
        a.place AS place_a, b.place AS place_b, greatest(a.rank, b.rank) AS worst_rank
    FROM ranked AS a
    INNER JOIN ranked AS b USING (layer, component, neuron)
    WHERE a.place < b.place
)

SELECT collection, label, variant_a, variant_b, top_percent,
    100 * count(*) FILTER (worst_rank <= m) / m AS shared_percent,
    100 * m / n_neurons AS expected_percent
FROM compared, levels
GROUP BY collection, label, variant_a, variant_b, place_a, place_b, top_percent, n_neurons, m
ORDER BY collection, label, place_a, place_b, top_percent;
