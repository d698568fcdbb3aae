-- One row is a query that has a non-relevant passage ranked above a relevant one.
-- higher: its non-relevant passages above any relevant one; lower: its relevant passages below any
-- non-relevant one (those that the first stage found). max and mean: over these passages, of the
-- mrr of matched tokens (passage_matches.sql). What is not judged is non-relevant; a grade that is
-- neither (is_relevant is null) is in no group.
-- Variables: passage_matches (file that passage_matches.sql wrote), collection (name).
WITH
passages AS (
    SELECT *,
        max(rank) FILTER (is_relevant) OVER (PARTITION BY query_id) AS last_relevant,
        min(rank) FILTER (NOT is_relevant) OVER (PARTITION BY query_id) AS first_other
    FROM read_parquet(getvariable('passage_matches'))
),

wrong AS (
    SELECT query_id, is_relevant, mrr
    FROM passages
    WHERE (NOT is_relevant AND rank < last_relevant) OR (is_relevant AND rank > first_other)
)

SELECT getvariable('collection') AS collection, query_id,
    max(mrr) FILTER (NOT is_relevant) AS higher_max,
    avg(mrr) FILTER (NOT is_relevant) AS higher_mean,
    max(mrr) FILTER (is_relevant) AS lower_max,
    avg(mrr) FILTER (is_relevant) AS lower_mean,
    count(*) FILTER (NOT is_relevant) AS n_higher,
    count(*) FILTER (is_relevant) AS n_lower
FROM wrong
GROUP BY query_id
ORDER BY query_id;
