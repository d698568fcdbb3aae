-- One row is a neuron that was switched off alone, on pairs of a label: what the output of a method's
-- target loses (method null: the study has one). In both samples, it was measured once.
SELECT label, method, layer, component, neuron, any_value(change_zero) AS change_zero
FROM single_neurons
GROUP BY label, method, layer, component, neuron
ORDER BY label, method, layer, component_order(component), neuron;
