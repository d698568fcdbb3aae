-- One row is a head that a scheme names and the ranker does not have; no row: all is well.
-- Variables: head_neurons (file), scheme (name), heads (list of {layer, head}).
WITH
asked AS (
    SELECT unnest(getvariable('heads')::STRUCT(layer INTEGER, head INTEGER)[], recursive := true)
),

there AS (
    SELECT DISTINCT layer, head FROM read_parquet(getvariable('head_neurons'))
    WHERE component = 'value'
),

ranker AS (SELECT max(layer) AS last_layer, max(head) AS last_head FROM there)

SELECT format('selection.schemes.{}.heads: [{}, {}] was found; this ranker has layers 0 to {} with '
    'heads 0 to {}; name one of these', getvariable('scheme'), layer, head, last_layer, last_head) AS fault
FROM asked ANTI JOIN there USING (layer, head)
CROSS JOIN ranker
ORDER BY layer, head;
