-- One row is a fault of a scheme that the maps show; no row: all is well.
-- Variables: neuron_scores (files), schemes (rows of define_schemes.sql).
WITH
schemes AS (
    SELECT DISTINCT one.scheme, one.components, one.layers
    FROM (SELECT unnest(getvariable('schemes')) AS one)
),

blocks AS (
    SELECT DISTINCT layer, component FROM read_parquet(getvariable('neuron_scores'))
),

ranker AS (
    SELECT max(layer) AS last_layer,
        string_agg(DISTINCT component, ', ' ORDER BY component) AS components
    FROM blocks
),

unknown AS (
    SELECT scheme, 'layers' AS key, layer::VARCHAR AS value
    FROM (SELECT scheme, unnest(layers) AS layer FROM schemes)
    WHERE layer NOT IN (SELECT layer FROM blocks)
    UNION ALL
    SELECT scheme, 'components', component
    FROM (SELECT scheme, unnest(components) AS component FROM schemes)
    WHERE component NOT IN (SELECT component FROM blocks)
)

SELECT format('selection.schemes.{}.{}: the ranker has no {}; it has layers 0 to {} with {}',
    scheme, key, value, last_layer, ranker.components) AS fault
FROM unknown, ranker
ORDER BY fault;
