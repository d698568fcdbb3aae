-- Which neurons speak for one label and against the other, in every collection that has both?
-- One row is a neuron, for a method, whose scores differ in sign between the labels, in all these;
-- the clearest first: by the smaller of the two mean scores, without their signs. At most 100.
WITH
both_labels AS (
    SELECT collection, method
    FROM neuron_scores
    GROUP BY collection, method
    HAVING count(DISTINCT label) = 2
),

means AS (
    SELECT
        neuron_scores.method,
        layer,
        component,
        neuron,
        avg(score ORDER BY collection) FILTER (label = 'relevant') AS relevant,
        avg(score ORDER BY collection) FILTER (label = 'non_relevant') AS non_relevant,
        count(DISTINCT (label, sign(score))) AS n_signs,
        count(DISTINCT collection) AS n_collections
    FROM neuron_scores
    SEMI JOIN both_labels
        ON both_labels.collection = neuron_scores.collection
        AND both_labels.method IS NOT DISTINCT FROM neuron_scores.method
    GROUP BY neuron_scores.method, layer, component, neuron
)

SELECT layer, component, neuron, relevant, non_relevant, n_collections, method
FROM means
WHERE n_signs = 2 AND sign(relevant) * sign(non_relevant) = -1
ORDER BY
    least(abs(relevant), abs(non_relevant)) DESC, layer, component_order(component), neuron, method
LIMIT 100;
