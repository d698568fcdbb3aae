-- One row is a head of the ranker that is studied: what it looks at, over all collections.
-- match_attention is the mean over all words, cls_query_share that over all pairs; p_shuffles and
-- null_shuffles are the largest of any collection, so that a head passes where it does in each. null_rankers and
-- null_cls_query_share are the largest of any head of the rankers that learnt nothing.
-- Variables: head_attention (files).
WITH
attention AS (
    SELECT
        ranker,
        layer,
        head,
        sum(match_attention * n_words ORDER BY collection) / nullif(sum(n_words), 0) AS matched,
        max(null_shuffles) AS shuffled,
        max(p_shuffles) AS p_shuffles,
        sum(cls_query_share * n_pairs ORDER BY collection) / nullif(sum(n_pairs), 0) AS cls_share,
        sum(n_words)::BIGINT AS n_words
    FROM read_parquet(getvariable('head_attention'))
    GROUP BY ranker, layer, head
),

nulls AS (
    SELECT max(matched) AS null_rankers, max(cls_share) AS null_cls_query_share
    FROM attention
    WHERE ranker <> 'study'
)

SELECT
    attention.* EXCLUDE (ranker, matched, shuffled, cls_share),
    matched AS match_attention,
    shuffled AS null_shuffles,
    cls_share AS cls_query_share,
    nulls.*
FROM attention
CROSS JOIN nulls
WHERE ranker = 'study'
ORDER BY layer, head;
