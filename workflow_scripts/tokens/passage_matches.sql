-- One row is a passage that the ranker ranked, and how it matches its query token by token.
-- matched: the different tokens of the query that are in the passage. jaccard: their number over
-- that of all different tokens of both. mrr: the mean over them of 1 / the place of the first
-- occurrence in the passage, the first token's being 1 (Jiang et al. 2021, appendix E); 0 where
-- nothing matches, as the reciprocal rank of what is not found.
-- Variables: token_rankings, ranked_tokens (files of one collection).
WITH
passages AS (
    SELECT query_id, doc_id, bm25_rank, rank, is_relevant, passage_tokens,
        list_distinct(query_tokens) AS query_kinds, list_distinct(passage_tokens) AS passage_kinds
    FROM read_parquet(getvariable('token_rankings')) AS rankings
    INNER JOIN read_parquet(getvariable('ranked_tokens')) AS tokens USING (query_id, doc_id)
),

matches AS (
    SELECT *, list_sort(list_intersect(query_kinds, passage_kinds)) AS matched,
        len(list_distinct(list_concat(query_kinds, passage_kinds))) AS n_kinds
    FROM passages
),

reciprocals AS (
    SELECT *, list_transform(matched, lambda token: 1 / list_position(passage_tokens, token))
        AS reciprocal
    FROM matches
)

SELECT query_id, doc_id, bm25_rank, rank, is_relevant,
    coalesce(len(matched) / nullif(n_kinds, 0), 0) AS jaccard,
    coalesce(list_avg(reciprocal), 0) AS mrr
FROM reciprocals
ORDER BY query_id, rank;
