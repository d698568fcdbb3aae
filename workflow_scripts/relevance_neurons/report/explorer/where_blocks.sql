-- One row is a scheme at a level and a component of a layer: how many of its neurons the scheme has.
-- Components without one have no row.
WITH blocks AS (
    SELECT layer, component, count(DISTINCT neuron) AS n_neurons
    FROM neuron_scores
    GROUP BY layer, component
),

picked AS (
    SELECT scheme, top_percent, layer, component, count(*) AS n_selected
    FROM schemes
    WHERE scheme NOT LIKE '%:%'
    GROUP BY scheme, top_percent, layer, component
)

SELECT
    picked.scheme,
    picked.top_percent,
    layer,
    component,
    picked.n_selected,
    blocks.n_neurons,
    100 * picked.n_selected / blocks.n_neurons AS selected_percent
FROM picked
INNER JOIN blocks USING (layer, component)
ORDER BY picked.scheme, picked.top_percent, layer, component_order(component);
