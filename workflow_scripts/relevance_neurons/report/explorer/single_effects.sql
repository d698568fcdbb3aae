-- One row is a component (all: of all) of a sample of neurons that were switched off one by one.
SELECT
    coalesce(method, '') AS method,
    label,
    sample,
    component,
    n_neurons,
    spearman_zero,
    spearman_low_zero,
    spearman_high_zero,
    same_sign_percent_zero,
    n_pairs
FROM single_neuron_correlations
ORDER BY method, label, sample, component <> 'all', component_order(component);
