-- Is it shown that random neurons do nothing on average, or only not shown that they do something?
-- One row is a control (random or matched neurons) at a level: on how many collections the average
-- of its draws is equivalent to no effect (within the study's margin), on how many it has a
-- significant effect, on how many neither is shown, and its greatest loss on one, with the lowest
-- end of an interval. An average says nothing of a single random set: draws_within counts, over the
-- collections, the draws (of n_draws) whose own change is within the margin.
SELECT
    scheme,
    top_percent,
    max(n_neurons) AS n_neurons,
    count(*) AS n_collections,
    count(*) FILTER (equivalent) AS n_equivalent,
    count(*) FILTER (significant) AS n_significant,
    count(*) FILTER (equivalent IS NOT true AND significant IS NOT true) AS n_undecided,
    sum(draws_within)::BIGINT AS draws_within,
    sum(n_draws)::BIGINT AS n_draws,
    min(draw_low) AS greatest_loss_of_a_draw,
    min(difference_percent) AS greatest_loss_percent,
    min(ci_low) AS lowest_ci_low,
    max(p_equivalence) AS greatest_p_equivalence,
    (SELECT value::DOUBLE FROM study WHERE key = 'ablation.equivalence_margin') AS margin_percent
FROM ablation_effects
WHERE scheme LIKE 'random:%' OR scheme LIKE 'matched:%'
GROUP BY scheme, top_percent
ORDER BY top_percent, scheme;
