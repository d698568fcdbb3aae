-- One row is a selected neuron of a scheme, of all schemes and levels.
-- Variables: schemes (files that select_neurons.sql wrote, one for each group of schemes and level).
SELECT scheme, top_percent, layer, component, neuron, score
FROM read_parquet(getvariable('schemes'))
ORDER BY scheme, top_percent, layer, component_order(component), neuron;
