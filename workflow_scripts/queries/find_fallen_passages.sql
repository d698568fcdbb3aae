-- Which relevant passages fall furthest under a scheme's ablation at its highest level?
-- One row is a relevant passage under an ablation (of other kinds than a scheme's own, such
-- as mean:x, only one that is chosen), with query and text; the largest falls first. At most 100.
-- (moved_passages('F_all', 1) gives all passages of one.)
-- Choose first, if you like: SET VARIABLE scheme = 'F_all';
WITH
highest AS (
    SELECT scheme, max(top_percent) AS top_percent
    FROM rerankings
    WHERE scheme != 'none'
        AND coalesce(scheme = getvariable('scheme'), NOT contains(scheme, ':'))
    GROUP BY scheme
)

SELECT
    pruned.scheme,
    pruned.top_percent,
    collection,
    query_id,
    doc_id,
    grade,
    original.rank AS rank_before,
    pruned.rank AS rank_after,
    queries.text AS query,
    documents.text AS passage
FROM ranked_passages AS pruned
SEMI JOIN highest USING (scheme, top_percent)
INNER JOIN ranked_passages AS original USING (collection, query_id, doc_id)
INNER JOIN candidates USING (collection, query_id, doc_id)
INNER JOIN queries USING (collection, query_id)
INNER JOIN documents USING (collection, doc_id)
WHERE
    original.scheme = 'none'
    AND pool = 'relevant'
    AND rank_after > rank_before
ORDER BY rank_before - rank_after, pruned.scheme, collection, query_id, doc_id
LIMIT 100;
