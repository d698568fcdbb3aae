-- Which findings about tokens of Jiang et al. 2021 hold here, and on how many collections?
-- One row is a finding (of an entry of the study's methods, where one is asked): the paper's words,
-- its value over all collections that have it (n_collections) with the interval, what that decides,
-- and on how many single collections it holds, does not, or stays undecided.
WITH
single AS (
    SELECT
        claim,
        method,
        count(*) FILTER (holds = 'yes') AS n_yes,
        count(*) FILTER (holds = 'no') AS n_no,
        count(*) FILTER (holds = 'undecided') AS n_undecided
    FROM token_findings
    WHERE collection <> 'all'
    GROUP BY claim, method
),

-- Of a finding of one collection that is the whole.
whole AS (
    SELECT *
    FROM token_findings
    QUALIFY
        collection = 'all'
        OR count(*) FILTER (collection = 'all') OVER (PARTITION BY claim, method) = 0
)

SELECT
    whole.claim,
    whole.method,
    whole.collection,
    whole.n_collections,
    paper,
    paper_value,
    value,
    ci_low,
    ci_high,
    holds,
    n_yes,
    n_no,
    n_undecided
FROM whole
INNER JOIN single ON whole.claim = single.claim AND whole.method IS NOT DISTINCT FROM single.method
ORDER BY holds DESC NULLS LAST, whole.claim, whole.method, whole.collection;
