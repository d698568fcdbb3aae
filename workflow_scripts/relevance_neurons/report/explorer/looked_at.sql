-- What kinds of tokens do a scheme's neurons look at? One row is a kind of token in a component of a
-- scheme at a level: its share of the sum of |score| over the scheme's neurons there, and over all neurons
-- of the component, each layer weighed as the scheme's neurons weigh it (or layers, not neurons, would
-- be compared). Sums are over the scheme's maps: the labels of $maps, the collections of scheme_sizes.
-- $maps: a list of {scheme, labels, method}, method '' where the table names none.
WITH
parts AS (
    SELECT collection, label, coalesce(method, '') AS method, layer, component, neuron, kind,
        abs(score) AS size
    FROM neuron_tokens
),

whole AS (
    SELECT collection, label, method, layer, component, kind,
        sum(size) / nullif(
            sum(sum(size)) OVER (PARTITION BY collection, label, method, layer, component), 0
        ) AS share
    FROM parts
    GROUP BY collection, label, method, layer, component, kind
),

scopes AS (
    SELECT DISTINCT scheme, unnest(collections) AS collection
    FROM scheme_sizes
),

of_maps AS (
    SELECT given.scheme, unnest(given.labels) AS label, given.method, scopes.collection
    FROM (SELECT unnest($maps, max_depth := 2)) AS given
    INNER JOIN scopes USING (scheme)
),

selected AS (
    SELECT schemes.scheme, schemes.top_percent, collection, label, method, layer, component, kind,
        sum(size) AS size,
        sum(sum(size)) OVER (
            PARTITION BY schemes.scheme, schemes.top_percent, collection, label, method, layer, component
        ) AS of_layer
    FROM schemes
    INNER JOIN of_maps USING (scheme)
    INNER JOIN parts USING (collection, label, method, layer, component, neuron)
    GROUP BY schemes.scheme, schemes.top_percent, collection, label, method, layer, component, kind
),

counts AS (
    SELECT scheme, top_percent, component, count(*) AS n_neurons
    FROM schemes
    GROUP BY scheme, top_percent, component
)

SELECT
    scheme,
    top_percent,
    component,
    kind,
    any_value(n_neurons) AS n_neurons,
    100 * sum(size) / nullif(sum(of_layer), 0) AS selected_percent,
    100 * sum(share * of_layer) / nullif(sum(of_layer), 0) AS all_percent
FROM selected
INNER JOIN whole USING (collection, label, method, layer, component, kind)
INNER JOIN counts USING (scheme, top_percent, component)
GROUP BY scheme, top_percent, component, kind
ORDER BY scheme, top_percent, component_order(component), kind;
