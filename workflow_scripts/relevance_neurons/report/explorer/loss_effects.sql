-- One row is an ablation on a collection: kind is what is switched off ('': the scheme's own neurons),
-- random_percent, its range and n_draws those of the scheme's random draws, of own ablations alone.
-- p_random: of the draws as a sample where three or more allow a t-test, else of their count.
WITH
parts AS (
    SELECT
        *,
        if(contains(scheme, ':'), split_part(scheme, ':', 1), '') AS kind,
        split_part(scheme, ':', -1) AS of_scheme
    FROM ablation_effects
)

SELECT
    parts.kind,
    parts.of_scheme AS scheme,
    parts.top_percent,
    parts.collection,
    parts.n_neurons,
    parts.n_queries,
    parts.original,
    parts.pruned,
    parts.difference_percent,
    parts.ci_low,
    parts.ci_high,
    parts.p_value,
    parts.p_value_holm,
    parts.significant,
    parts.significant_holm,
    parts.attainable_percent,
    control.difference_percent AS random_percent,
    control.draw_low AS random_low,
    control.draw_high AS random_high,
    control.n_draws,
    parts.p_value_random_t,
    coalesce(parts.p_value_random_t, parts.p_value_random) AS p_random,
    parts.detectable_holm_percent
FROM parts
LEFT JOIN parts AS control
    ON parts.kind = ''
    AND control.kind = 'random'
    AND control.of_scheme = parts.of_scheme
    AND control.top_percent = parts.top_percent
    AND control.collection = parts.collection
ORDER BY parts.kind, parts.top_percent, parts.of_scheme, parts.collection;
