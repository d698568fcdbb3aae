-- One row is a query under an ablation: its passages' margins and places with and without neurons.
-- A passage that is not judged is non-relevant, as in trec_eval; one of a grade in neither list is
-- neither: it counts in what all passages share (shift, spread, rank_correlation) alone.
-- Variables: rerankings, candidates, qrels (files of one collection), terms (list of {query_id,
-- doc_id, lexical}, of relevant passages).
-- Sums are not ordered, which takes twice as long: on one thread their last digits stay the same.
-- 2 million rows of rerankings: 6 s of CPU and 0.7 GB.
WITH
terms AS (
    SELECT one.query_id, one.doc_id, one.lexical::BOOLEAN AS lexical
    FROM (SELECT unnest(getvariable('terms')) AS one)
),

passages AS (
    SELECT query_id, doc_id, lexical,
        if(qrels.doc_id IS NULL, 'non_relevant', qrels.label) AS label
    FROM read_parquet(getvariable('candidates'))
    LEFT JOIN read_parquet(getvariable('qrels')) AS qrels USING (query_id, doc_id)
    LEFT JOIN terms USING (query_id, doc_id)
),

scored AS (
    SELECT scheme, top_percent, draw, query_id, doc_id, label, lexical,
        margin_of(score) AS margin, exp(score::DOUBLE) AS p
    FROM read_parquet(getvariable('rerankings'))
    INNER JOIN passages USING (query_id, doc_id)
),

-- Places count from the worst; those that tie share their mean. below: how many of its query's
-- non-relevant passages a relevant one is above.
ranked AS (
    SELECT *,
        rank() OVER every + (count(*) OVER (every RANGE CURRENT ROW) - 1) / 2 AS place,
        rank() OVER told + (count(*) OVER (told RANGE CURRENT ROW) - 1) / 2
        - rank() OVER own - (count(*) OVER (own RANGE CURRENT ROW) - 1) / 2 AS below
    FROM scored
    WINDOW
        every AS (PARTITION BY scheme, top_percent, draw, query_id ORDER BY margin),
        told AS (PARTITION BY scheme, top_percent, draw, query_id, label IS NULL ORDER BY margin),
        own AS (PARTITION BY scheme, top_percent, draw, query_id, label ORDER BY margin)
),

compared AS (
    SELECT pruned.*, pruned.label = 'relevant' AS is_relevant,
        pruned.label = 'non_relevant' AS is_other,
        pruned.margin - unpruned.margin AS shift, unpruned.margin AS margin_whole,
        unpruned.p AS p_whole, unpruned.place AS place_whole, unpruned.below AS below_whole
    FROM ranked AS pruned
    INNER JOIN (FROM ranked WHERE scheme = 'none') AS unpruned USING (query_id, doc_id)
    WHERE pruned.scheme <> 'none'
)

SELECT scheme, top_percent, draw, query_id,
    count(*) AS n, avg(shift) AS shift,
    stddev_samp(margin_whole) AS spread, stddev_samp(margin) AS spread_pruned,
    nullif(corr(place, place_whole), 'nan') AS rank_correlation,
    count(*) FILTER (is_relevant) AS n_relevant, count(*) FILTER (is_other) AS n_other,
    avg(margin_whole) FILTER (is_relevant) AS margin_relevant,
    avg(margin_whole) FILTER (is_other) AS margin_other,
    avg(shift) FILTER (is_relevant) AS shift_relevant, avg(shift) FILTER (is_other) AS shift_other,
    avg(p_whole) FILTER (is_relevant) AS p_relevant, avg(p_whole) FILTER (is_other) AS p_other,
    avg(p) FILTER (is_relevant) AS p_relevant_pruned, avg(p) FILTER (is_other) AS p_other_pruned,
    avg(below_whole) FILTER (is_relevant) AS below, avg(below) FILTER (is_relevant) AS below_pruned,
    avg(below_whole) FILTER (is_relevant AND lexical) AS below_lexical,
    avg(below) FILTER (is_relevant AND lexical) AS below_lexical_pruned,
    avg(below_whole) FILTER (is_relevant AND NOT lexical) AS below_semantic,
    avg(below) FILTER (is_relevant AND NOT lexical) AS below_semantic_pruned
FROM compared
GROUP BY scheme, top_percent, draw, query_id
ORDER BY scheme, top_percent, draw, query_id;
