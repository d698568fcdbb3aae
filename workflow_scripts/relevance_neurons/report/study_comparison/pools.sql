-- One row is a collection on which both studies switched neurons off: in how many things what was
-- ranked differs. What is in one study alone counts as a difference.
WITH
queries_a AS (
    SELECT DISTINCT collection, query_id, text
    FROM a_measures LEFT JOIN a_queries USING (collection, query_id)
),

queries_b AS (
    SELECT DISTINCT collection, query_id, text
    FROM b_measures LEFT JOIN b_queries USING (collection, query_id)
),

queries AS (
    SELECT collection, count(*) FILTER (a.query_id IS NULL OR b.query_id IS NULL) AS n_queries,
        count(*) FILTER (
            a.query_id IS NOT NULL AND b.query_id IS NOT NULL AND (a.text = b.text) IS NOT TRUE
        ) AS n_query_texts
    FROM queries_a AS a FULL JOIN queries_b AS b USING (collection, query_id)
    GROUP BY ALL
),

pools_a AS (
    SELECT collection, query_id, doc_id, text
    FROM a_candidates LEFT JOIN a_documents USING (collection, doc_id)
    SEMI JOIN queries_a USING (collection, query_id)
),

pools_b AS (
    SELECT collection, query_id, doc_id, text
    FROM b_candidates LEFT JOIN b_documents USING (collection, doc_id)
    SEMI JOIN queries_b USING (collection, query_id)
),

pools AS (
    SELECT collection, count(*) FILTER (a.doc_id IS NULL OR b.doc_id IS NULL) AS n_candidates,
        count(*) FILTER (
            a.doc_id IS NOT NULL AND b.doc_id IS NOT NULL AND (a.text = b.text) IS NOT TRUE
        ) AS n_passage_texts
    FROM pools_a AS a FULL JOIN pools_b AS b USING (collection, query_id, doc_id)
    GROUP BY ALL
),

gains AS (
    SELECT collection, count(*) AS n_judgments
    FROM (FROM a_qrels SEMI JOIN queries_a USING (collection, query_id)) AS a
    FULL JOIN (FROM b_qrels SEMI JOIN queries_b USING (collection, query_id)) AS b
        USING (collection, query_id, doc_id)
    WHERE (a.grade, a.gain) IS DISTINCT FROM (b.grade, b.gain)
    GROUP BY ALL
),

measures AS (
    SELECT collection, list(DISTINCT a.measure ORDER BY a.measure) AS measures_a,
        list(DISTINCT b.measure ORDER BY b.measure) AS measures_b
    FROM (SELECT DISTINCT collection, measure FROM a_measures) AS a
    INNER JOIN (SELECT DISTINCT collection, measure FROM b_measures) AS b USING (collection)
    GROUP BY ALL
)

SELECT collection, measures_a, measures_b, n_queries, n_query_texts, n_candidates,
    n_passage_texts, coalesce(n_judgments, 0) AS n_judgments
FROM measures
INNER JOIN queries USING (collection)
LEFT JOIN pools USING (collection)
LEFT JOIN gains USING (collection)
ORDER BY collection;
