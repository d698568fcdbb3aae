-- One row is a fault of a scheme that the maps show; no row: all is well.
-- Variables: neuron_scores (files), schemes (rows of define_schemes.sql).
WITH
schemes AS (
    SELECT DISTINCT one.scheme, one.components, one.layers
    FROM (SELECT unnest(getvariable('schemes')) AS one)
),

blocks AS (
    SELECT DISTINCT layer, component FROM read_parquet(getvariable('neuron_scores'))
)

SELECT format('selection.schemes.{}: layers {}, components {} hold no neuron; the ranker has layers '
    '0 to {} with {}', scheme, layers, components, (SELECT max(layer) FROM blocks),
    (SELECT string_agg(DISTINCT component, ', ' ORDER BY component) FROM blocks)) AS fault
FROM schemes
WHERE NOT EXISTS (
    FROM blocks
    WHERE (len(components) = 0 OR list_contains(components, component))
        AND (len(layers) = 0 OR list_contains(layers, layer))
)
ORDER BY scheme;
