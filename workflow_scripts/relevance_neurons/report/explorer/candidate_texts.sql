-- One row is a passage that was ranked for a query: its text, cut to $length characters, and what its
-- judgment says (grade and label are null where it has none).
SELECT
    candidates.collection,
    candidates.query_id,
    candidates.doc_id,
    queries.text AS query,
    left(documents.text, $length) AS text,
    length(documents.text) > $length AS is_cut,
    qrels.grade,
    qrels.label
FROM candidates
LEFT JOIN queries USING (collection, query_id)
LEFT JOIN documents USING (collection, doc_id)
LEFT JOIN qrels USING (collection, query_id, doc_id)
ORDER BY candidates.collection, candidates.query_id, candidates.doc_id;
