-- One row is a neuron among the first $most of a map and a map: its score, error and rank there.
-- Ties by layer, component and neuron, as wherever neurons are picked.
WITH ranked AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY collection, label, method
            ORDER BY score DESC, layer, component_order(component), neuron
        ) AS rank
    FROM neuron_scores
),

tops AS (
    SELECT DISTINCT layer, component, neuron FROM ranked WHERE rank <= $most
)

SELECT collection, label, method, layer, component, neuron, score, standard_error, rank
FROM ranked
SEMI JOIN tops USING (layer, component, neuron)
ORDER BY method, collection, label DESC, rank;
