-- One row is a neuron of the ranker: the mean and the root of the mean square of its outputs over
-- all tokens of all collections, each token counted once.
-- Variables: activations (files, one per collection).
WITH
activations AS (
    SELECT filename, layer, component, neuron, mean, root_mean_square, n_tokens
    FROM read_parquet(getvariable('activations'))
)

-- Sums are ordered, so that the same files give the same digits on any number of threads.
SELECT
    layer,
    component,
    neuron,
    sum(mean * n_tokens ORDER BY filename) / sum(n_tokens) AS mean,
    sqrt(sum(root_mean_square ** 2 * n_tokens ORDER BY filename) / sum(n_tokens))
        AS root_mean_square,
    sum(n_tokens)::BIGINT AS n_tokens
FROM activations
GROUP BY layer, component, neuron
ORDER BY layer, component_order(component), neuron;
