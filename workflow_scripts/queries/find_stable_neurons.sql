-- Which neurons are in the top of the most collections, and hold under the bootstrap over pairs?
-- One row is a neuron at a level, for a label and method: in how many maps' tops it is, and its
-- lowest and mean frequency there (share of the replicates that select it again).
WITH
maps AS (
    SELECT label, method, count(DISTINCT collection) AS n_maps
    FROM neuron_scores
    GROUP BY label, method
)

SELECT
    found.label,
    top_percent,
    layer,
    component,
    neuron,
    count(*) AS n_collections,
    n_maps AS of_collections,
    min(frequency) AS lowest_frequency,
    avg(frequency ORDER BY collection) AS mean_frequency,
    found.method
FROM selection_frequencies AS found
INNER JOIN maps ON maps.label = found.label AND maps.method IS NOT DISTINCT FROM found.method
WHERE selected
GROUP BY found.label, top_percent, layer, component, neuron, n_maps, found.method
ORDER BY
    found.method, found.label, top_percent, n_collections DESC, lowest_frequency DESC,
    layer, component_order(component), neuron;
