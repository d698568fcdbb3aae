-- One row is a neuron that was switched off alone, on pairs of a label: what the output loses. The
-- same neuron under several methods was measured once.
SELECT label, layer, component, neuron, any_value(change_zero) AS change_zero
FROM single_neurons
GROUP BY label, layer, component, neuron
ORDER BY label, layer, component_order(component), neuron;
