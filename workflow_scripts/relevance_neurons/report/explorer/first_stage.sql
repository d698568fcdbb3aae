-- One row is a ranking of the first stage's best passages on a collection: the first stage's own, or
-- the whole ranker's.
SELECT collection, ranking, measure, value, ci_low, ci_high, n_queries, n_not_found
FROM ranking_quality
ORDER BY collection, ranking = 'reranker', ranking;
