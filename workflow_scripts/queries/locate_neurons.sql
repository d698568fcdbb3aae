-- Where do a scheme's neurons sit: which layers and components, beside their share of all neurons?
-- One row is a scheme, level, layer and component that holds at least one of its neurons.
-- Choose first, if you like: SET VARIABLE scheme = 'F_all';
WITH
sizes AS (
    SELECT layer, component, count(*) AS n_all, sum(count(*)) OVER () AS n_neurons
    FROM (SELECT DISTINCT layer, component, neuron FROM neuron_scores)
    GROUP BY layer, component
),

selected AS (
    SELECT scheme, top_percent, layer, component, count(*) AS n_selected
    FROM schemes
    WHERE scheme = coalesce(getvariable('scheme'), scheme)
    GROUP BY ALL
)

SELECT
    scheme,
    top_percent,
    layer,
    component,
    n_selected,
    100 * n_selected / sum(n_selected) OVER (PARTITION BY scheme, top_percent) AS selected_percent,
    100 * n_all / n_neurons AS all_percent
FROM selected
INNER JOIN sizes USING (layer, component)
ORDER BY scheme, top_percent, layer, component_order(component);
