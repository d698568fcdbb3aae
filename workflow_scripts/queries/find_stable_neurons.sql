-- Which neurons are in the top of the most collections, and hold under the bootstrap over pairs?
-- One row is a neuron at a level, for a label: in how many maps' tops it is, and its lowest and
-- mean frequency there (share of the replicates that select it again).
WITH
maps AS (
    SELECT label, count(DISTINCT collection) AS n_maps
    FROM neuron_scores
    GROUP BY label
)

SELECT
    label,
    top_percent,
    layer,
    component,
    neuron,
    count(*) AS n_collections,
    n_maps AS of_collections,
    min(frequency) AS lowest_frequency,
    avg(frequency ORDER BY collection) AS mean_frequency
FROM selection_frequencies
INNER JOIN maps USING (label)
WHERE selected
GROUP BY label, top_percent, layer, component, neuron, n_maps
ORDER BY
    label, top_percent, n_collections DESC, lowest_frequency DESC,
    layer, component_order(component), neuron;
