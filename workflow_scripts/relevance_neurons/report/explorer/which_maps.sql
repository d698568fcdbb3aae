-- One row is a map: a collection, label and method; the study's own method first.
SELECT collection, label, method, count(*) AS n_neurons, max(n_pairs) AS n_pairs
FROM neuron_scores
GROUP BY collection, label, method
ORDER BY method, collection, label DESC;
