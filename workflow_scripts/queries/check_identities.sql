-- Do the exact identities hold in every map? In each layer of a plain encoder the scores of query,
-- key and value sum to those of attention_output, and intermediate's to ff_output's, in the limit of
-- many points (of Neuron Integrated Gradients; other methods need not have them). One row is a layer
-- of a map; a gap is in units of F.
WITH
sums AS (
    SELECT
        method,
        collection,
        label,
        layer,
        sum(score) FILTER (component IN ('query', 'key', 'value')) AS query_key_value,
        sum(score) FILTER (component = 'attention_output') AS attention_output,
        sum(score) FILTER (component = 'intermediate') AS intermediate,
        sum(score) FILTER (component = 'ff_output') AS ff_output
    FROM neuron_scores
    GROUP BY method, collection, label, layer
)

SELECT
    *,
    query_key_value - attention_output AS attention_gap,
    intermediate - ff_output AS feed_forward_gap
FROM sums
ORDER BY method, collection, label, layer;
