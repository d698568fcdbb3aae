-- One row: how many (query, passage) of equal texts both studies ranked, and by how much the two
-- whole rankers' scores (log p of relevant) differ at most.
WITH
texts_a AS (
    SELECT collection, query_id, doc_id, queries.text AS query, documents.text AS passage, score
    FROM a_rerankings
    INNER JOIN a_queries AS queries USING (collection, query_id)
    INNER JOIN a_documents AS documents USING (collection, doc_id)
    WHERE scheme = 'none'
),

texts_b AS (
    SELECT collection, query_id, doc_id, queries.text AS query, documents.text AS passage, score
    FROM b_rerankings
    INNER JOIN b_queries AS queries USING (collection, query_id)
    INNER JOIN b_documents AS documents USING (collection, doc_id)
    WHERE scheme = 'none'
)

SELECT count(*) AS n_passages, max(abs(a.score - b.score)) AS largest_change
FROM texts_a AS a
INNER JOIN texts_b AS b USING (collection, query_id, doc_id, query, passage);
