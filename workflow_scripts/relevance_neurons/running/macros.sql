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

-- The margin s of a score, log p = -log(1 + exp(-s)): log p - log(1 - p), written so that it is exact
-- where p is near 1 too. Single precision knows no log p between 0 and -1.4e-45: a score of 0 is
-- taken for that, a margin of 103.3.
CREATE OR REPLACE MACRO margin_of(score) AS CASE
    WHEN score < -40 THEN score::DOUBLE  -- 1 - p is 1
    ELSE least(score::DOUBLE, -1.4e-45) / 2 - ln(2 * sinh(-least(score::DOUBLE, -1.4e-45) / 2))
END;
