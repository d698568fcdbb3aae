-- One row is a scheme, a kind of heads and a component: the neurons that they share, beside chance.
SELECT
    scheme,
    top_percent,
    kind,
    component,
    n_scheme,
    n_heads_neurons,
    n_component,
    shared,
    expected,
    expected_low,
    expected_high,
    shared / nullif(expected, 0) AS times_chance,
    p_value
FROM head_overlaps
ORDER BY top_percent, kind, scheme, component_order(component);
