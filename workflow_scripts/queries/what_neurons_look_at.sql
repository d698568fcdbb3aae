-- What do the strongest neurons look at: which kinds of tokens does their score come from?
-- One row is a neuron among the 20 highest scores of a map, or of a scheme: its score and the
-- parts of it by kind of token, which add up to it; the kind with the largest part, its share in
-- the sum of the parts without their signs, and that kind's share over all neurons of the layer
-- and component. Choose first, if you like: SET VARIABLE scheme = 'P_msmarco';
WITH
neurons AS (
    SELECT
        collection, label, method, layer, component, neuron,
        sum(score ORDER BY kind) AS score,
        sum(score) FILTER (kind = 'cls') AS from_cls,
        sum(score) FILTER (kind = 'query') AS from_query,
        sum(score) FILTER (kind = 'match') AS from_match,
        sum(score) FILTER (kind = 'passage') AS from_passage,
        sum(score) FILTER (kind = 'sep') AS from_sep,
        arg_max(kind, abs(score)) AS largest_kind,
        max(abs(score)) AS largest,
        sum(abs(score) ORDER BY kind) AS whole
    FROM neuron_tokens
    GROUP BY collection, label, method, layer, component, neuron
),

shares AS (
    SELECT
        collection, label, method, layer, component, kind AS largest_kind,
        100 * sum(abs(score) ORDER BY neuron)
        / sum(sum(abs(score) ORDER BY neuron)) OVER (
            PARTITION BY collection, label, method, layer, component
        ) AS all_neurons_percent
    FROM neuron_tokens
    GROUP BY collection, label, method, layer, component, kind
),

ranked AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY collection, label, method
            ORDER BY score DESC, layer, component_order(component), neuron
        ) AS rank
    FROM neurons
),

chosen AS (
    SELECT DISTINCT layer, component, neuron
    FROM schemes
    WHERE scheme = getvariable('scheme')
)

SELECT
    collection, label, rank, layer, component, neuron, score,
    from_cls, from_query, from_match, from_passage, from_sep,
    largest_kind,
    100 * largest / nullif(whole, 0) AS largest_percent,
    all_neurons_percent,
    ranked.method
FROM ranked
INNER JOIN shares USING (collection, label, layer, component, largest_kind)
LEFT JOIN chosen USING (layer, component, neuron)
WHERE shares.method IS NOT DISTINCT FROM ranked.method
    AND CASE WHEN getvariable('scheme') IS NULL THEN rank <= 20 ELSE chosen.neuron IS NOT NULL END
ORDER BY ranked.method, collection, label, rank;
