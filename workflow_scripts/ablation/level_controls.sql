-- One row is a scheme's own ablation on a collection beside a set of neurons that shifts the level
-- of the margins about as far, up or down: of all random sets, and of all bottom sets, the one whose
-- shift is nearest. Without a set that shifts in a direction at all there is no row.
-- Variables: changes (list of {scheme, top_percent, draw, shift}: rows of level_changes.sql),
-- measures (file of the same collection), scheme_sizes (file), collection (name).
WITH
changes AS (
    SELECT unnest(
        getvariable('changes')::STRUCT(
            scheme VARCHAR, top_percent DOUBLE, draw INTEGER, shift DOUBLE
        )[],
        recursive := true
    )
),

means AS (
    SELECT scheme, top_percent, draw, avg(value ORDER BY query_id) AS value
    FROM read_parquet(getvariable('measures'))
    GROUP BY scheme, top_percent, draw
),

sizes AS (
    SELECT scheme, top_percent, n_neurons FROM read_parquet(getvariable('scheme_sizes'))
),

sets AS (
    SELECT one.scheme, one.top_percent, one.draw, one.shift, split_part(one.scheme, ':', 1) AS kind,
        100 * (means.value / nullif(original.value, 0) - 1) AS difference_percent,
        coalesce(own.n_neurons, of_scheme.n_neurons) AS n_neurons
    FROM changes AS one
    CROSS JOIN (SELECT value FROM means WHERE scheme = 'none') AS original
    INNER JOIN means ON means.scheme = one.scheme
        AND means.top_percent = one.top_percent AND means.draw = one.draw
    LEFT JOIN sizes AS own
        ON own.scheme = one.scheme AND own.top_percent = one.top_percent
    LEFT JOIN sizes AS of_scheme
        ON of_scheme.scheme = split_part(one.scheme, ':', 2)
        AND of_scheme.top_percent = one.top_percent
),

directions (direction, sign) AS (VALUES ('up', 1), ('down', -1)),

nearest AS (
    SELECT plain.scheme, plain.top_percent, plain.shift, plain.difference_percent, direction,
        control.*
    FROM (FROM sets WHERE kind = scheme) AS plain
    CROSS JOIN directions
    INNER JOIN (
        SELECT scheme AS control, top_percent AS control_percent, draw AS control_draw,
            n_neurons AS control_n_neurons, shift AS control_shift, kind AS control_kind,
            difference_percent AS control_difference_percent
        FROM sets
        WHERE kind IN ('random', 'bottom')
    ) AS control ON sign(control_shift) = directions.sign
    QUALIFY row_number() OVER (
        PARTITION BY plain.scheme, plain.top_percent, direction, control_kind
        ORDER BY
            abs(abs(control_shift) - abs(plain.shift)), control, control_percent, control_draw
    ) = 1
)

SELECT scheme, top_percent, getvariable('collection') AS collection, shift, difference_percent,
    direction, control, control_percent, control_draw, control_n_neurons, control_shift,
    control_difference_percent
FROM nearest
ORDER BY scheme, top_percent, direction DESC, control;
