-- Do the ablations hurt out of the ranker's domain as much as in it (table 4, in short)?
-- One row is an ablation and domain: the mean effect over the domain's collections, the least and
-- the greatest loss, and in how many of them it is significant (raw, and after Holm's correction).
SELECT
    scheme,
    top_percent,
    domain,
    max(n_neurons) AS n_neurons,
    count(*) AS n_collections,
    avg(difference_percent ORDER BY collection) AS mean_difference_percent,
    min(difference_percent) AS greatest_loss_percent,
    max(difference_percent) AS least_loss_percent,
    count(*) FILTER (significant) AS n_significant,
    count(*) FILTER (significant_holm) AS n_significant_holm
FROM ablation_effects
INNER JOIN collections USING (collection)
GROUP BY scheme, top_percent, domain
ORDER BY top_percent, scheme, domain;
