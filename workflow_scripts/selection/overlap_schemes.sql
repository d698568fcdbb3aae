-- One row is a set of maps at a level: how many of the neurons in one's top are in all their tops,
-- and how many would be in as many independent random ones. Kinds: pair (two collections), labels
-- (both maps of a collection), intersection_out, _all, and these _without_outliers, if any; each by
-- one method; and methods (two methods' maps of one collection and label; their method is null).
-- Variables: neuron_scores (files), collections (list of {name, domain}), methods (list of names in
-- the study's order), outliers (list), levels (list of percents; those that select no neuron are left out).
WITH
collections AS (
    SELECT unnest(getvariable('collections'), recursive := true),
        generate_subscripts(getvariable('collections'), 1) AS position
),

neurons AS (
    SELECT collection, label, method, layer, component, neuron, row_number() OVER (
        PARTITION BY collection, label, method
        ORDER BY score DESC, layer, component_order(component), neuron
    ) AS rank
    FROM read_parquet(getvariable('neuron_scores'))
),

maps AS (
    SELECT collection, label, method, domain, position, max(rank) AS n_neurons,
        list_position(getvariable('methods'), method) AS place
    FROM neurons INNER JOIN collections ON name = collection
    GROUP BY ALL
),

levels AS (
    SELECT DISTINCT top_percent, n_neurons, n_selected(top_percent, n_neurons) AS m
    FROM maps, (SELECT unnest(getvariable('levels'))::DOUBLE AS top_percent)
    WHERE m > 0
),

scopes AS (
    FROM (VALUES
        ('out', ['out'], []), ('out_without_outliers', ['out'], getvariable('outliers')),
        ('all', ['in', 'out'], []), ('all_without_outliers', ['in', 'out'], getvariable('outliers'))
    ) AS scopes (scope, domains, left_out)
    WHERE scope IN ('out', 'all') OR len(left_out) > 0
),

compared AS (
    SELECT 'pair' AS kind, label, [a.collection, b.collection] AS collections, [label] AS labels,
        [method] AS methods
    FROM maps AS a INNER JOIN maps AS b USING (label, method) WHERE a.position < b.position
    UNION ALL
    SELECT 'labels', 'both', [collection], list(label), [method] FROM maps
    GROUP BY collection, method
    UNION ALL
    SELECT 'intersection_' || scope, label, list(collection ORDER BY position), [label], [method]
    FROM maps INNER JOIN scopes
        ON list_contains(domains, domain) AND NOT list_contains(left_out, collection)
    GROUP BY scope, label, method
    UNION ALL
    SELECT 'methods', label, [collection], [label], [a.method, b.method]
    FROM maps AS a INNER JOIN maps AS b USING (collection, label) WHERE a.place < b.place
),

-- A neuron is in the top m of every map of a set where its worst rank there is at most m.
worst_ranks AS (
    SELECT kind, one.label, collections, methods, max(rank) AS worst_rank
    FROM (SELECT *, unnest(collections) AS collection FROM compared) AS one
    INNER JOIN neurons USING (collection)
    WHERE list_contains(labels, neurons.label) AND list_contains(methods, method)
        AND rank <= (SELECT max(m) FROM levels)
    GROUP BY kind, one.label, collections, labels, methods, layer, component, neuron
    HAVING count(*) = len(collections) * len(labels) * len(methods)
)

SELECT kind, label, collections, top_percent,
    100 * count(*) FILTER (worst_rank <= m) / m AS shared_percent,
    100 * (m / n_neurons) ** (n_maps - 1) AS expected_percent,
    m AS n_selected, count(*) FILTER (worst_rank <= m) AS n_shared,
    n_neurons, n_maps, if(len(methods) = 1, methods[1], NULL) AS method, methods
FROM (SELECT *, len(collections) * len(labels) * len(methods) AS n_maps FROM compared)
CROSS JOIN levels LEFT JOIN worst_ranks USING (kind, label, collections, methods)
WHERE n_maps > 1
GROUP BY kind, label, collections, methods, n_maps, top_percent, n_neurons, m
ORDER BY kind, label, collections, methods, top_percent;
