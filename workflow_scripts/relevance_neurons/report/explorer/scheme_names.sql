-- One row is a scheme that selects a neuron at some level.
SELECT DISTINCT scheme
FROM schemes
ORDER BY scheme;
