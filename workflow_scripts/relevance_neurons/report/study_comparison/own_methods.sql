-- One row is a method of a study whose schemes have no method in their names: the study's own.
SELECT 'a' AS side, method
FROM (SELECT DISTINCT method FROM a_neuron_scores)
WHERE method NOT IN (SELECT split_part(scheme, '@', 2) FROM a_schemes)
UNION ALL
SELECT 'b', method
FROM (SELECT DISTINCT method FROM b_neuron_scores)
WHERE method NOT IN (SELECT split_part(scheme, '@', 2) FROM b_schemes)
ORDER BY side, method;
