-- One row is a ranked passage of a query: the Jaccard index of the sets of the query's and of the
-- passage's tokens (texts of pieces, as they are), of the pair's most important ones (special tokens
-- left out; ties by position) and of all. 0 where one of both has none. is_relevant: false for what is
-- not judged, or neither.
-- Variables: ranked_token_scores (files), token_rankings (files, without the name of their
-- collection), collections (names, in the order of token_rankings), important (number).
WITH
tokens AS (
    SELECT collection, query_id, doc_id, part, token,
        row_number() OVER (
            PARTITION BY collection, query_id, doc_id ORDER BY score DESC, position
        ) <= getvariable('important') AS is_important
    FROM read_parquet(getvariable('ranked_token_scores'), union_by_name := true)
    WHERE part IN ('query', 'passage')
),

ranks AS (
    SELECT
        getvariable('collections')[list_position(getvariable('token_rankings'), filename)]
            AS collection,
        query_id,
        doc_id,
        rank,
        coalesce(is_relevant, false) AS is_relevant
    FROM read_parquet(getvariable('token_rankings'), union_by_name := true, filename := true)
),

texts AS (
    SELECT collection, query_id, doc_id, token,
        bool_or(part = 'query') AS in_query,
        bool_or(part = 'passage') AS in_passage,
        bool_or(part = 'query' AND is_important) AS important_in_query,
        bool_or(part = 'passage' AND is_important) AS important_in_passage
    FROM tokens
    GROUP BY collection, query_id, doc_id, token
)

SELECT
    collection,
    rank,
    query_id,
    is_relevant,
    coalesce(
        count(*) FILTER (important_in_query AND important_in_passage)
        / nullif(count(*) FILTER (important_in_query OR important_in_passage), 0),
        0
    ) AS jaccard_important,
    count(*) FILTER (in_query AND in_passage) / count(*) AS jaccard_all,
    1 AS n_pairs
FROM texts
INNER JOIN ranks USING (collection, query_id, doc_id)
GROUP BY collection, query_id, doc_id, rank, is_relevant
ORDER BY collection, rank, query_id;
