-- Which words carry most of a collection's scores?
-- One row is a word in queries or passages of a collection, for a method at a layer: the mean of its
-- share of the scores of a pair (weights of its pieces added up), with the pairs that have it and the
-- percent of the pairs (document frequency); words of one pair alone are left out. At most 100.
-- Choose first, if you like: SET VARIABLE collection = 'x'; SET VARIABLE method = 'x';
-- SET VARIABLE layer = 5;
WITH
chosen AS (
    SELECT *
    FROM token_scores
    WHERE
        part IN ('query', 'passage')
        AND collection = coalesce(getvariable('collection'), collection)
        AND method = coalesce(getvariable('method'), method)
        AND (layer IS NULL OR layer = coalesce(getvariable('layer'), layer))
),

in_pairs AS (
    SELECT collection, method, layer, part, lower(word) AS word, query_id, doc_id,
        sum(weight ORDER BY position) AS weight,
        count(DISTINCT word_number) AS n_times
    FROM chosen
    GROUP BY collection, method, layer, part, lower(word), query_id, doc_id
),

pairs_of AS (
    SELECT collection, method, layer, count(DISTINCT (query_id, doc_id)) AS n_pairs
    FROM chosen
    GROUP BY collection, method, layer
)

SELECT
    in_pairs.collection,
    in_pairs.method,
    in_pairs.layer,
    part,
    word,
    100 * avg(weight ORDER BY query_id, doc_id) AS mean_percent_of_scores,
    count(*) AS n_pairs,
    100 * count(*) / any_value(pairs_of.n_pairs) AS percent_of_pairs,
    sum(n_times) / count(*) AS mean_times
FROM in_pairs
INNER JOIN pairs_of
    ON pairs_of.collection = in_pairs.collection
    AND pairs_of.method = in_pairs.method
    AND pairs_of.layer IS NOT DISTINCT FROM in_pairs.layer
GROUP BY in_pairs.collection, in_pairs.method, in_pairs.layer, part, word
HAVING count(*) > 1
ORDER BY mean_percent_of_scores DESC, in_pairs.collection, in_pairs.method, in_pairs.layer, part, word
LIMIT 100;
