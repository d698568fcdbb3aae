-- How often does the ranker agree with the judgments, so that a pair is attributed at all?
-- One row is a collection and label: its pairs, with how many the ranker agrees (at the threshold of
-- its probability), how many were kept (with keep: all, all), their probability and length.
SELECT
    collection,
    label,
    count(*) AS n_pairs,
    count(*) FILTER (agrees) AS n_agreeing,
    100 * avg(agrees::INTEGER) AS agreeing_percent,
    median(threshold) AS median_threshold,
    count(*) FILTER (kept) AS n_kept,
    100 * avg(kept::INTEGER) AS kept_percent,
    median(p_relevant) AS median_p_relevant,
    median(n_tokens) AS median_tokens
FROM pairs
GROUP BY collection, label
ORDER BY collection, label;
