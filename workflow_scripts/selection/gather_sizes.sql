-- One row is a scheme at a level: how many neurons it has and the collections that it rests on.
-- Variables: scheme_sizes (files that scheme_sizes.sql wrote, one for each group and level).
SELECT scheme, top_percent, n_neurons, collections
FROM read_parquet(getvariable('scheme_sizes'))
ORDER BY scheme, top_percent;
