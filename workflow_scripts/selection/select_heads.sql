-- One row is a value neuron of a head that a scheme picks, with that head; no map scores it.
-- Variables: head_neurons (file), scheme (name), top_percent, heads (list of {layer, head}, empty
-- where a kind is asked for), kind (matching or relevance, else empty).
WITH
asked AS (
    SELECT unnest(getvariable('heads')::STRUCT(layer INTEGER, head INTEGER)[], recursive := true)
),

neurons AS (
    SELECT layer, component, neuron, head, CASE getvariable('kind')
        WHEN 'matching' THEN is_matching
        WHEN 'relevance' THEN is_relevance
        ELSE (layer, head) IN (SELECT (layer, head) FROM asked)
    END AS is_picked
    FROM read_parquet(getvariable('head_neurons'))
    WHERE component = 'value'
)

SELECT getvariable('scheme') AS scheme, getvariable('top_percent')::DOUBLE AS top_percent,
    layer, component, neuron, NULL::DOUBLE AS score, head
FROM neurons
WHERE is_picked
ORDER BY layer, neuron;
