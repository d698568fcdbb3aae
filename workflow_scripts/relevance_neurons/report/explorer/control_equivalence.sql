-- One row is a control (random or matched neurons of a scheme) at a level: on how many collections the
-- average of its draws is equivalent to no effect, on how many it has one, on how many neither is shown,
-- and how many single draws stay within the margin.
SELECT
    split_part(scheme, ':', 1) AS control,
    split_part(scheme, ':', 2) AS scheme,
    top_percent,
    max(n_neurons) AS n_neurons,
    count(*) AS n_collections,
    count(*) FILTER (equivalent) AS n_equivalent,
    count(*) FILTER (significant) AS n_significant,
    count(*) FILTER (equivalent IS NOT true AND significant IS NOT true) AS n_undecided,
    sum(draws_within)::BIGINT AS draws_within,
    sum(n_draws)::BIGINT AS n_draws,
    min(difference_percent) AS greatest_loss_percent,
    min(draw_low) AS greatest_loss_of_a_draw
FROM ablation_effects
WHERE (scheme LIKE 'random:%' OR scheme LIKE 'matched:%') AND difference_percent IS NOT NULL
GROUP BY ablation_effects.scheme, top_percent
ORDER BY top_percent, control, scheme;
