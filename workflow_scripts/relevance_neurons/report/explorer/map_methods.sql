-- One row is a method that has a map.
SELECT DISTINCT method
FROM neuron_scores
ORDER BY method;
