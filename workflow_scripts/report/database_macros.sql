-- Questions with parameters, stored in neurons.duckdb: FROM top_neurons('P_x', 1);

-- One row is a neuron of a scheme, best first.
CREATE MACRO top_neurons(of_scheme, percent) AS TABLE
    SELECT layer, component, neuron, score
    FROM schemes
    WHERE scheme = of_scheme AND top_percent = percent
    ORDER BY score DESC, layer, component_order(component), neuron;

-- One row is a map: the neuron's score and its rank among all neurons there, from 1.
CREATE MACRO neuron_profile(of_layer, of_component, number) AS TABLE
    SELECT one.collection, one.label, one.score, one.standard_error,
        count(*) FILTER (
            (-other.score, other.layer, component_order(other.component), other.neuron)
            <= (-one.score, one.layer, component_order(one.component), one.neuron)
        ) AS rank,
        count(*) AS n_neurons, one.method
    FROM neuron_scores AS one
    INNER JOIN neuron_scores AS other
        ON other.collection = one.collection AND other.label = one.label
        AND other.method IS NOT DISTINCT FROM one.method
    WHERE one.layer = of_layer AND one.component = of_component AND one.neuron = number
    GROUP BY one.collection, one.label, one.score, one.standard_error, one.method
    ORDER BY one.collection, one.label, one.method;

-- One row is a neuron that two schemes share, with its score in both.
CREATE MACRO shared_neurons(scheme_a, scheme_b, percent) AS TABLE
    SELECT layer, component, neuron, a.score AS score_a, b.score AS score_b
    FROM schemes AS a INNER JOIN schemes AS b USING (layer, component, neuron, top_percent)
    WHERE a.scheme = scheme_a AND b.scheme = scheme_b AND top_percent = percent
    ORDER BY layer, component_order(component), neuron;

-- One row is a collection and level: a scheme's ablation beside its random control.
CREATE MACRO effect_of(of_scheme) AS TABLE
    SELECT effect.collection, effect.top_percent, effect.n_neurons, effect.difference_percent,
        effect.ci_low, effect.ci_high, effect.p_value, effect.p_value_holm, effect.p_value_random,
        control.difference_percent AS random_percent, control.draw_low, control.draw_high
    FROM ablation_effects AS effect
    LEFT JOIN ablation_effects AS control
        ON control.scheme = 'random:' || effect.scheme
        AND control.collection = effect.collection AND control.top_percent = effect.top_percent
    WHERE effect.scheme = of_scheme
    ORDER BY effect.collection, effect.top_percent;

-- One row is a query; difference is pruned - original, the mean over a random scheme's draws.
CREATE MACRO hardest_queries(of_scheme, percent) AS TABLE
    SELECT collection, query_id, text, original.value AS original, avg(pruned.value) AS pruned,
        avg(pruned.value - original.value) AS difference
    FROM measures AS pruned
    INNER JOIN measures AS original USING (collection, query_id, measure)
    INNER JOIN queries USING (collection, query_id)
    WHERE pruned.scheme = of_scheme AND pruned.top_percent = percent AND original.scheme = 'none'
    GROUP BY collection, query_id, text, original.value
    ORDER BY difference, collection, query_id;

-- One row is a passage under an ablation and draw, with its rank among its query's, from 1; ties
-- as in trec_eval: single precision, then the larger doc_id first.
CREATE VIEW ranked_passages AS
    SELECT *, row_number() OVER (
        PARTITION BY collection, scheme, top_percent, draw, query_id
        ORDER BY score::FLOAT DESC, doc_id DESC
    ) AS rank
    FROM rerankings;

-- One row is a passage and draw: its rank before and after the ablation, worst losses first.
CREATE MACRO moved_passages(of_scheme, percent) AS TABLE
    SELECT collection, query_id, doc_id, after.draw, before.rank AS rank_before,
        after.rank AS rank_after
    FROM ranked_passages AS before
    INNER JOIN ranked_passages AS after USING (collection, query_id, doc_id)
    WHERE before.scheme = 'none' AND after.scheme = of_scheme AND after.top_percent = percent
    ORDER BY rank_before - rank_after, collection, query_id, doc_id, after.draw;

-- One row is a scheme on a collection, at a level: the losses of all methods' neurons, side by side.
CREATE MACRO method_losses(level) AS TABLE
    SELECT split_part(scheme, '@', 1) AS family, collection, method, n_neurons, difference_percent,
        ci_low, ci_high, p_value_holm, random_percent, p_value_random_t, attainable_percent, shift
    FROM methods
    WHERE top_percent = level
    ORDER BY family, collection, difference_percent, method;

-- One row is a point of a scheme's curves: what was switched off, on which collection or on all.
CREATE MACRO loss_curve(of_scheme) AS TABLE
    SELECT collection, ablated, n_neurons, top_percent, difference_percent, ci_low, ci_high,
        draw_low, draw_high
    FROM loss_curves
    WHERE scheme = of_scheme
    ORDER BY collection, ablated, n_neurons, top_percent;

-- One row is a cell of a matrix: neurons found on one collection, switched off on another, for a
-- family (P, N, F, D) and every method.
CREATE MACRO transfer(of_family, percent) AS TABLE
    SELECT scheme, sizes.collections[1] AS found_on, effect.collection AS switched_off_on,
        effect.n_neurons, difference_percent, ci_low, ci_high, p_value_holm
    FROM ablation_effects AS effect
    INNER JOIN scheme_sizes AS sizes USING (scheme, top_percent)
    WHERE top_percent = percent AND len(sizes.collections) = 1
        AND split_part(scheme, '@', 1) = of_family || '_' || sizes.collections[1]
    ORDER BY split_part(scheme, '@', 2), found_on, switched_off_on;
