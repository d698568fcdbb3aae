-- One row is a fault of the maps or levels, gravest first; no row: all is well.
-- Variables: neuron_scores (files), collections (list of {name, domain}), top_percents (list).
WITH
collections AS (
    SELECT unnest(getvariable('collections'), recursive := true)
),

top_percents AS (
    SELECT unnest(getvariable('top_percents'))::DOUBLE AS top_percent
),

maps AS (
    SELECT
        collection,
        label,
        method,
        min(filename) AS file,
        count(*) AS n_neurons,
        count(DISTINCT filename) AS n_files,
        count(*) FILTER (score IS NULL OR NOT isfinite(score)) AS n_missing,
        sum(hash(layer, component, neuron)) AS fingerprint
    FROM read_parquet(getvariable('neuron_scores'))
    GROUP BY ALL
),

first_map AS (
    SELECT * FROM maps ORDER BY file LIMIT 1
),

faults AS (
    SELECT 1 AS severity, format('collections.{}: "all", "and_out" and "and_all" are parts of '
        'scheme names, no names of collections; call it by another', name) AS fault
    FROM collections WHERE name IN ('all', 'and_out', 'and_all')
    UNION ALL
    SELECT 2, format('{}: its collection {} is not one of the study''s attribution collections; '
        'give the maps of these alone',
        file, collection)
    FROM maps WHERE collection NOT IN (SELECT name FROM collections)
    UNION ALL
    SELECT 3, format('{}: the {} map of {} by {} is given by {} files; one is allowed',
        file, label, collection, method, n_files)
    FROM maps WHERE n_files > 1
    UNION ALL
    SELECT 4, format('{}: {} of {} scores are not finite numbers; remove it, and it is made anew',
        file, n_missing, n_neurons)
    FROM maps WHERE n_missing > 0
    UNION ALL
    SELECT 5, format('{}: its {} neurons are not the {} neurons of {}; all maps must come from '
        'the same ranker', maps.file, maps.n_neurons, first_map.n_neurons, first_map.file)
    FROM maps, first_map
    WHERE maps.n_neurons != first_map.n_neurons OR maps.fingerprint != first_map.fingerprint
    UNION ALL
    SELECT 6, format('selection.top_percents: {} % of {} neurons is {}; allowed are {} to 100',
        top_percent, n_neurons, CASE WHEN top_percent > 100 THEN 'too many' ELSE 'none' END,
        ceil(50 / n_neurons * 1e6) / 1e6)
    FROM top_percents, first_map
    WHERE top_percent > 100 OR n_selected(top_percent, n_neurons) < 1
)

SELECT fault FROM faults ORDER BY severity, fault;
