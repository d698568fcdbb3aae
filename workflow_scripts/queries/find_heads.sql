-- Which heads compare words, which carry the query into [CLS], and why do we say so?
-- One row is a head with a kind, or one of the next five by what patching its output does: the
-- numbers that decided, how many collections agree on the sign of its effect (TFC1), and the share
-- of pairs whose rank changes with it. The sentence `why` says the same in words.
WITH
of_collections AS (
    SELECT
        layer,
        head,
        count(*) FILTER (ci_low > 0) AS n_above_zero,
        count(*) FILTER (ci_high < 0) AS n_below_zero,
        count(*) AS of_collections,
        avg(flipped_percent ORDER BY collection) AS flipped_percent
    FROM patches
    WHERE grid = 'head' AND site = 'output' AND perturbation = 'TFC1'
    GROUP BY layer, head
),

ordered AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY kind = 'none'
            ORDER BY abs(output_effect) DESC NULLS LAST, layer, head
        ) AS place
    FROM heads
)

SELECT
    ordered.layer,
    ordered.head,
    kind,
    why,
    match_attention,
    greatest(null_shuffles, null_rankers) AS null_match_attention,
    cls_query_share,
    null_cls_query_share,
    path_effect,
    path_ci_low,
    path_ci_high,
    output_effect,
    n_above_zero,
    n_below_zero,
    of_collections,
    flipped_percent
FROM ordered
LEFT JOIN of_collections USING (layer, head)
WHERE kind <> 'none' OR place <= 5
ORDER BY kind = 'none', kind, abs(output_effect) DESC NULLS LAST, ordered.layer, ordered.head;
