-- In which layer is a further occurrence of a term noticed, by which head, and on which tokens?
-- One row is a layer, on a collection: the part of the change of the logit that each of its three
-- sites carries (the strongest class of tokens there), and its strongest head with the class of
-- tokens on which that head acts and how many of its heads differ from 0 after Holm; the layer
-- with the strongest head first.
-- Choose first, if you like: SET VARIABLE perturbation = 'STMC1'; (default: TFC1)
WITH
chosen AS (
    SELECT *
    FROM patches
    WHERE perturbation = coalesce(getvariable('perturbation'), 'TFC1')
),

blocks AS (
    SELECT
        collection,
        layer,
        arg_max(token_class, abs(effect)) FILTER (site = 'residual') AS residual_tokens,
        arg_max(effect, abs(effect)) FILTER (site = 'residual') AS residual,
        arg_max(effect, abs(effect)) FILTER (site = 'attention_output') AS attention_output,
        arg_max(effect, abs(effect)) FILTER (site = 'ff_output') AS ff_output
    FROM chosen
    WHERE grid = 'block' AND token_class <> 'all'
    GROUP BY collection, layer
),

strongest AS (
    SELECT
        collection,
        layer,
        arg_max(head, abs(effect)) AS head,
        arg_max(effect, abs(effect)) AS effect,
        arg_max(ci_low, abs(effect)) AS ci_low,
        arg_max(ci_high, abs(effect)) AS ci_high,
        arg_max(n_pairs, abs(effect)) AS n_pairs,
        arg_max(n_small, abs(effect)) AS n_small,
        count(*) FILTER (p_value_holm <= 0.05) AS n_heads_holm
    FROM chosen
    WHERE grid = 'head' AND site = 'output'
    GROUP BY collection, layer
),

acts_on AS (
    SELECT collection, layer, head, arg_max(token_class, abs(effect)) AS head_tokens
    FROM chosen
    WHERE grid = 'head_class' AND site = 'output'
    GROUP BY collection, layer, head
)

SELECT
    collection, layer, head, effect, ci_low, ci_high, head_tokens, n_heads_holm,
    residual_tokens, residual, attention_output, ff_output, n_pairs, n_small
FROM strongest
LEFT JOIN acts_on USING (collection, layer, head)
LEFT JOIN blocks USING (collection, layer)
ORDER BY collection, abs(effect) DESC NULLS LAST, layer;
