-- How often does the ranker agree with the judgments, so that a pair is attributed at all?
-- One row is a collection and label: its pairs, how many were kept, their probability and length.
SELECT
    collection,
    label,
    count(*) AS n_pairs,
    count(*) FILTER (kept) AS n_kept,
    100 * avg(kept::INTEGER) AS kept_percent,
    median(p_relevant) AS median_p_relevant,
    median(n_tokens) AS median_tokens
FROM pairs
GROUP BY collection, label
ORDER BY collection, label;
