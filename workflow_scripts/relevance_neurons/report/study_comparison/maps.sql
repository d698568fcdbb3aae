-- One row is a map that both studies have, and the pairs that it is a mean over in each and in
-- both. Maps of a target within queries (label difference) tell no pairs.
WITH
maps AS (
    SELECT DISTINCT collection, label, method FROM a_neuron_scores
    INTERSECT
    SELECT DISTINCT collection, label, method FROM b_neuron_scores
),

pairs_a AS (SELECT collection, label, query_id, doc_id FROM a_pairs WHERE kept),

pairs_b AS (SELECT collection, label, query_id, doc_id FROM b_pairs WHERE kept),

pairs AS (
    SELECT collection, label, count(a.doc_id) AS n_pairs_a, count(b.doc_id) AS n_pairs_b,
        count(*) FILTER (a.doc_id IS NOT NULL AND b.doc_id IS NOT NULL) AS n_pairs_both
    FROM pairs_a AS a
    FULL JOIN pairs_b AS b USING (collection, label, query_id, doc_id)
    GROUP BY ALL
)

SELECT collection, label, method, n_pairs_a, n_pairs_b, n_pairs_both
FROM maps LEFT JOIN pairs USING (collection, label)
ORDER BY collection, label DESC, method;
