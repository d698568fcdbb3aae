-- One row is a set of heads that is kept on a collection; of kept = 'random' one with draw null has
-- the means over draws, and the 2.5 % and 97.5 % quantiles of the draws as _low and _high.
-- score_p_random, value_p_random (of found): the share of sets, random ones and itself, that keep
-- as much of the score, or of the measure, or more: (1 + random >= found) / (1 + random).
-- Variables: faithfulness (files of rule test_faithfulness).
WITH
sets AS (
    SELECT * FROM read_parquet(getvariable('faithfulness'))
),

draws AS (
    SELECT * FROM sets WHERE kept = 'random'
),

means AS (
    SELECT collection, kept, NULL::BIGINT AS draw, any_value(n_heads) AS n_heads,
        avg(score_share ORDER BY draw) AS score_share,
        quantile_cont(score_share, 0.025) AS score_share_low,
        quantile_cont(score_share, 0.975) AS score_share_high,
        any_value(n_pairs) AS n_pairs, any_value(measure) AS measure,
        avg(value ORDER BY draw) AS value,
        avg(value_share ORDER BY draw) AS value_share,
        quantile_cont(value, 0.025) AS value_low,
        quantile_cont(value, 0.975) AS value_high,
        any_value(n_queries) AS n_queries, any_value(n_small) AS n_small
    FROM draws
    GROUP BY collection, kept
),

chances AS (
    SELECT found.collection, found.kept,
        (1 + count(*) FILTER (draws.score_share >= found.score_share)) / (1 + count(*))
            AS score_p_random,
        (1 + count(*) FILTER (draws.value >= found.value)) / (1 + count(*)) AS value_p_random,
        found.score_share IS NOT NULL AS has_share,
        found.value IS NOT NULL AS has_value
    FROM sets AS found
    INNER JOIN draws ON draws.collection = found.collection
    WHERE found.kept = 'found'
    GROUP BY ALL
)

SELECT rows.*, CASE WHEN has_share THEN score_p_random END AS score_p_random,
    CASE WHEN has_value THEN value_p_random END AS value_p_random
FROM (SELECT * FROM sets UNION ALL BY NAME SELECT * FROM means) AS rows
LEFT JOIN chances ON chances.collection = rows.collection AND chances.kept = rows.kept
ORDER BY rows.collection,
    list_position(['all', 'found', 'matching', 'relevance', 'random', 'none'], rows.kept),
    rows.draw NULLS FIRST;
