-- One row is a neuron, map and level: the share of bootstrap replicates with the neuron on top.
SELECT collection, label, method, top_percent, layer, component, neuron, frequency
FROM selection_frequencies
ORDER BY collection, label, method, top_percent, layer, component_order(component), neuron;
