-- One row is a step at which more weights became random: what is left of the scores' order.
SELECT label, what, spearman, spearman_absolute, top_percent, shared_percent, expected_percent, n_pairs
FROM randomisation
ORDER BY label, step;
