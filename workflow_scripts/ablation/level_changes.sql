-- One row is an ablation and draw on a collection: how far it shifts the level of the margins, and
-- what it leaves of their spread and order within queries.
-- Shifts, margins and probabilities are means over passages, all else means over the queries where
-- it is defined: spread needs two passages, gap and accuracy both labels, rank_correlation a
-- ranking that is not all ties. A percent of a spread or gap that is not above 0 is null.
-- Variables: query_changes (file that query_changes.sql wrote), collection (name).
WITH
changes AS (
    SELECT *, margin_relevant - margin_other AS gap,
        margin_relevant + shift_relevant - margin_other - shift_other AS gap_pruned
    FROM read_parquet(getvariable('query_changes'))
)

SELECT scheme, top_percent, draw, getvariable('collection') AS collection,
    count(*) AS n_queries,
    sum(n * shift) / sum(n) AS shift,
    sum(n_relevant * margin_relevant) / nullif(sum(n_relevant), 0) AS margin_relevant,
    sum(n_relevant * shift_relevant) / nullif(sum(n_relevant), 0) AS shift_relevant,
    sum(n_relevant * p_relevant) / nullif(sum(n_relevant), 0) AS p_relevant,
    sum(n_relevant * p_relevant_pruned) / nullif(sum(n_relevant), 0) AS p_relevant_pruned,
    sum(n_other * margin_other) / nullif(sum(n_other), 0) AS margin_non_relevant,
    sum(n_other * shift_other) / nullif(sum(n_other), 0) AS shift_non_relevant,
    sum(n_other * p_other) / nullif(sum(n_other), 0) AS p_non_relevant,
    sum(n_other * p_other_pruned) / nullif(sum(n_other), 0) AS p_non_relevant_pruned,
    avg(spread) AS spread,
    avg(spread_pruned) AS spread_pruned,
    100 * (avg(spread_pruned) / if(avg(spread) > 0, avg(spread), NULL) - 1) AS spread_percent,
    avg(gap) AS gap,
    avg(gap_pruned) AS gap_pruned,
    100 * (avg(gap_pruned) / if(avg(gap) > 0, avg(gap), NULL) - 1) AS gap_percent,
    avg(rank_correlation) AS rank_correlation,
    avg(below / nullif(n_other, 0)) AS accuracy,
    avg(below_pruned / nullif(n_other, 0)) AS accuracy_pruned,
    avg(below_lexical / nullif(n_other, 0)) AS accuracy_lexical,
    avg(below_lexical_pruned / nullif(n_other, 0)) AS accuracy_lexical_pruned,
    avg(below_semantic / nullif(n_other, 0)) AS accuracy_semantic,
    avg(below_semantic_pruned / nullif(n_other, 0)) AS accuracy_semantic_pruned
FROM changes
GROUP BY scheme, top_percent, draw
ORDER BY scheme, top_percent, draw;
