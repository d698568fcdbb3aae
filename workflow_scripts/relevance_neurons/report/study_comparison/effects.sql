-- One row is an ablation on a collection that both studies measured.
SELECT collection, scheme, top_percent,
    a.original AS original_a, b.original AS original_b,
    a.pruned AS pruned_a, b.pruned AS pruned_b,
    a.difference_percent AS difference_percent_a, b.difference_percent AS difference_percent_b,
    a.ci_low AS ci_low_a, a.ci_high AS ci_high_a, b.ci_low AS ci_low_b, b.ci_high AS ci_high_b,
    a.p_value_holm AS p_value_holm_a, b.p_value_holm AS p_value_holm_b,
    a.n_neurons AS n_neurons_a, b.n_neurons AS n_neurons_b,
    a.n_queries AS n_queries_a, b.n_queries AS n_queries_b
FROM a_ablation_effects AS a
INNER JOIN b_ablation_effects AS b USING (collection, scheme, top_percent)
ORDER BY collection, scheme, top_percent;
