-- One row is a query where ranker and first stage put different passages first, and the ranker's
-- is relevant (Jiang et al. 2021, section 4.1 and appendix E); whether the other is, is not asked.
-- jaccard and mrr: of the tokens of query and passage, as passage_matches.sql has them.
-- Variables: passage_matches (file that passage_matches.sql wrote), collection (name).
WITH
passages AS (FROM read_parquet(getvariable('passage_matches')))

SELECT getvariable('collection') AS collection, query_id,
    ranker.doc_id AS ranker_doc_id, bm25.doc_id AS bm25_doc_id,
    ranker.jaccard AS jaccard_ranker, bm25.jaccard AS jaccard_bm25,
    ranker.mrr AS mrr_ranker, bm25.mrr AS mrr_bm25
FROM passages AS ranker
INNER JOIN passages AS bm25 USING (query_id)
WHERE ranker.rank = 1 AND ranker.is_relevant AND bm25.bm25_rank = 1
    AND ranker.doc_id <> bm25.doc_id
ORDER BY query_id;
