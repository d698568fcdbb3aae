-- One row is a component of a layer: how many neurons it has in each ranker (null: none).
WITH
neurons_a AS (
    SELECT layer, component, neuron FROM a_activations
    UNION
    SELECT layer, component, neuron FROM a_neuron_scores
),

neurons_b AS (
    SELECT layer, component, neuron FROM b_activations
    UNION
    SELECT layer, component, neuron FROM b_neuron_scores
),

sizes_a AS (SELECT layer, component, count(*) AS n_a FROM neurons_a GROUP BY ALL),

sizes_b AS (SELECT layer, component, count(*) AS n_b FROM neurons_b GROUP BY ALL)

SELECT layer, component, n_a, n_b
FROM sizes_a FULL JOIN sizes_b USING (layer, component)
ORDER BY layer, component_order(component);
