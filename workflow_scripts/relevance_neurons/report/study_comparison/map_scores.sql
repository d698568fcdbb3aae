-- One row is a neuron: its score in the same map of two studies, in the order that breaks ties.
-- Parameters: collection, label, method.
SELECT a.score AS score_a, b.score AS score_b
FROM a_neuron_scores AS a
INNER JOIN b_neuron_scores AS b USING (collection, label, method, layer, component, neuron)
WHERE collection = $collection AND label = $label AND method = $method
ORDER BY layer, component_order(component), neuron;
