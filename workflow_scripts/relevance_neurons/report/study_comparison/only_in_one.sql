-- One row is something that one of two studies has alone, and so cannot be compared.
WITH
things_a AS (
    SELECT DISTINCT 'shared neurons' AS part, scheme AS name FROM a_schemes
    UNION
    SELECT DISTINCT 'maps', concat_ws(' ', collection, label, method) FROM a_neuron_scores
    UNION
    SELECT DISTINCT 'effects', scheme || ' on ' || collection FROM a_ablation_effects
    UNION
    SELECT DISTINCT 'shared neurons', 'level ' || top_percent || ' %' FROM a_schemes
    UNION
    SELECT DISTINCT 'effects', 'level ' || top_percent || ' %' FROM a_ablation_effects
),

things_b AS (
    SELECT DISTINCT 'shared neurons' AS part, scheme AS name FROM b_schemes
    UNION
    SELECT DISTINCT 'maps', concat_ws(' ', collection, label, method) FROM b_neuron_scores
    UNION
    SELECT DISTINCT 'effects', scheme || ' on ' || collection FROM b_ablation_effects
    UNION
    SELECT DISTINCT 'shared neurons', 'level ' || top_percent || ' %' FROM b_schemes
    UNION
    SELECT DISTINCT 'effects', 'level ' || top_percent || ' %' FROM b_ablation_effects
)

SELECT part, name, a.part IS NOT NULL AS is_in_a
FROM things_a AS a FULL JOIN things_b AS b USING (part, name)
WHERE a.part IS NULL OR b.part IS NULL
ORDER BY part DESC, name;
