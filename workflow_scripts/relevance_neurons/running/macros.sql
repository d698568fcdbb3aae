-- What every query shares. In the shell: duckdb -init macros.sql

-- The order of a layer's components, written once. Ties between neurons are broken by
-- (layer, component_order(component), neuron). Components of other architectures come last.
CREATE OR REPLACE MACRO component_order(component) AS (
    coalesce(
        list_position(
            ['query', 'key', 'value', 'attention_output', 'intermediate', 'ff_output'], component
        ),
        7
    ),
    component
);

-- How many of n_neurons the top top_percent % are: rounded, halves upwards. The inner round
-- mends products such as 9.2 * 375 / 100 = 34.49999999999999.
CREATE OR REPLACE MACRO n_selected(top_percent, n_neurons) AS
    floor(round(top_percent * n_neurons / 100, 9) + 0.5)::BIGINT;
