-- Is a scheme's effect larger than that of random neurons, as many per layer and component?
-- One row is an ablation on a collection: its effect, the range of the random draws', the share of
-- draws (counting the scheme itself) that lose at least as much, and whether no draw does.
SELECT
    effect.scheme,
    effect.top_percent,
    effect.collection,
    effect.n_neurons,
    effect.difference_percent,
    effect.ci_low,
    effect.ci_high,
    control.difference_percent AS random_percent,
    control.draw_low AS random_lowest,
    control.draw_high AS random_highest,
    effect.p_value_random,
    effect.difference_percent < control.draw_low AS below_every_draw
FROM ablation_effects AS effect
INNER JOIN ablation_effects AS control
    ON control.scheme = 'random:' || effect.scheme
    AND control.top_percent = effect.top_percent
    AND control.collection = effect.collection
ORDER BY effect.top_percent, effect.scheme, effect.collection;
