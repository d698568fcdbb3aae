-- Which neurons speak for one label and against the other, in every collection that has both?
-- One row is a neuron whose scores differ in sign between the labels, in all these collections;
-- the clearest first: by the smaller of the two mean scores, without their signs. At most 100.
WITH
both_labels AS (
    SELECT collection
    FROM neuron_scores
    GROUP BY collection
    HAVING count(DISTINCT label) = 2
),

means AS (
    SELECT
        layer,
        component,
        neuron,
        avg(score ORDER BY collection) FILTER (label = 'relevant') AS relevant,
        avg(score ORDER BY collection) FILTER (label = 'non_relevant') AS non_relevant,
        count(DISTINCT (label, sign(score))) AS n_signs,
        count(DISTINCT collection) AS n_collections
    FROM neuron_scores
    SEMI JOIN both_labels USING (collection)
    GROUP BY layer, component, neuron
)

SELECT layer, component, neuron, relevant, non_relevant, n_collections
FROM means
WHERE n_signs = 2 AND sign(relevant) * sign(non_relevant) = -1
ORDER BY
    least(abs(relevant), abs(non_relevant)) DESC, layer, component_order(component), neuron
LIMIT 100;
