-- One row is a component of a layer and how many neurons it has.
SELECT layer, component, count(DISTINCT neuron) AS n_neurons
FROM neuron_scores
GROUP BY layer, component
ORDER BY layer, component_order(component);
