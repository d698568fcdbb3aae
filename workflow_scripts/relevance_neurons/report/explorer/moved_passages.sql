-- One row is a passage of a query that is among the $n_losers that lost most by a scheme's own ablation,
-- where its rank before or after is at most $depth. Ranks are those of trec_eval: single precision,
-- then the larger doc_id first.
WITH
chosen AS (
    SELECT coalesce(
        (SELECT value FROM study WHERE key = 'ablation.measure'), (SELECT min(measure) FROM measures)
    ) AS measure
),

differences AS (
    SELECT
        pruned.collection,
        pruned.scheme,
        pruned.top_percent,
        pruned.query_id,
        pruned.value - original.value AS difference
    FROM measures AS pruned
    INNER JOIN measures AS original USING (collection, query_id, measure)
    INNER JOIN chosen USING (measure)
    SEMI JOIN ablation_effects AS effects
        ON effects.collection = pruned.collection
        AND effects.scheme = pruned.scheme
        AND effects.top_percent = pruned.top_percent
    WHERE
        original.scheme = 'none'
        AND pruned.scheme NOT IN ('none', 'shuffled')
        AND NOT contains(pruned.scheme, ':')
),

losers AS (
    SELECT *
    FROM differences
    WHERE difference < 0
    QUALIFY
        row_number() OVER (
            PARTITION BY collection, scheme, top_percent
            ORDER BY difference, query_id
        ) <= $n_losers
),

ranked AS (
    SELECT
        collection,
        scheme,
        top_percent,
        query_id,
        doc_id,
        row_number() OVER (
            PARTITION BY collection, scheme, top_percent, draw, query_id
            ORDER BY score::FLOAT DESC, doc_id DESC
        ) AS rank
    FROM rerankings
    WHERE scheme <> 'shuffled' AND NOT contains(scheme, ':')
)

SELECT
    losers.collection,
    losers.scheme,
    losers.top_percent,
    losers.query_id,
    pruned.doc_id,
    original.rank AS rank_before,
    pruned.rank AS rank_after
FROM losers
INNER JOIN ranked AS pruned USING (collection, scheme, top_percent, query_id)
INNER JOIN ranked AS original
    ON original.scheme = 'none'
    AND original.collection = losers.collection
    AND original.query_id = losers.query_id
    AND original.doc_id = pruned.doc_id
WHERE original.rank <= $depth OR pruned.rank <= $depth
ORDER BY losers.collection, losers.scheme, losers.top_percent, losers.query_id, rank_before;
