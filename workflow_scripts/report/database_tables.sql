-- The tables of neurons.duckdb, empty. Columns that a file has beyond these are added to them.
CREATE TABLE study (key VARCHAR, value VARCHAR);
CREATE TABLE collections (
    collection VARCHAR, source VARCHAR, domain VARCHAR, origin VARCHAR,
    relevant INTEGER[], non_relevant INTEGER[], scale VARCHAR, own_document VARCHAR,
    language VARCHAR, run VARCHAR
);
CREATE TABLE documents (collection VARCHAR, doc_id VARCHAR, text VARCHAR);
CREATE TABLE queries (
    collection VARCHAR, query_id VARCHAR, text VARCHAR, own_document BOOLEAN
);
CREATE TABLE qrels (
    collection VARCHAR, query_id VARCHAR, doc_id VARCHAR, grade INTEGER, label VARCHAR, gain INTEGER
);
CREATE TABLE pairs (
    collection VARCHAR, query_id VARCHAR, doc_id VARCHAR, grade INTEGER, label VARCHAR,
    p_relevant DOUBLE, kept BOOLEAN, n_tokens INTEGER, threshold DOUBLE, agrees BOOLEAN
);
CREATE TABLE neuron_scores (
    collection VARCHAR, label VARCHAR, layer INTEGER, component VARCHAR, neuron INTEGER,
    score DOUBLE, standard_error DOUBLE, n_pairs INTEGER
);
CREATE TABLE attribution_checks (
    collection VARCHAR, label VARCHAR, query_id VARCHAR, doc_id VARCHAR, f_input DOUBLE,
    f_baseline DOUBLE, cut_sum DOUBLE, residual DOUBLE, n_points INTEGER, error_estimate DOUBLE
);
CREATE TABLE baselines (
    baseline VARCHAR, mean_difference DOUBLE, ci_low DOUBLE, ci_high DOUBLE, n_pairs INTEGER,
    chosen BOOLEAN
);
CREATE TABLE activations (
    layer INTEGER, component VARCHAR, neuron INTEGER, mean DOUBLE, root_mean_square DOUBLE,
    n_tokens BIGINT
);
CREATE TABLE schemes (
    scheme VARCHAR, top_percent DOUBLE, layer INTEGER, component VARCHAR, neuron INTEGER,
    score DOUBLE
);
CREATE TABLE scheme_sizes (
    scheme VARCHAR, top_percent DOUBLE, n_neurons INTEGER, collections VARCHAR[]
);
-- overlaps is a word of SQL: write "overlaps" in queries.
CREATE TABLE "overlaps" (
    kind VARCHAR, label VARCHAR, collections VARCHAR[], top_percent DOUBLE, shared_percent DOUBLE,
    expected_percent DOUBLE, n_selected INTEGER, n_shared INTEGER, expected_low DOUBLE,
    expected_high DOUBLE, p_value_chance DOUBLE
);
CREATE TABLE selection_frequencies (
    collection VARCHAR, label VARCHAR, top_percent DOUBLE, layer INTEGER, component VARCHAR,
    neuron INTEGER, frequency DOUBLE, selected BOOLEAN
);
CREATE TABLE split_halves (
    collection VARCHAR, label VARCHAR, top_percent DOUBLE, halving INTEGER, n_pairs_half INTEGER,
    shared_percent DOUBLE
);
CREATE TABLE convergence (
    collection VARCHAR, label VARCHAR, top_percent DOUBLE, n_pairs INTEGER, points DOUBLE,
    points_doubled DOUBLE, shared_percent DOUBLE, kendall_tau DOUBLE, relative_difference DOUBLE,
    worst_pair_difference DOUBLE
);
CREATE TABLE sensitivity (
    collection VARCHAR, label VARCHAR, variant_a VARCHAR, variant_b VARCHAR, top_percent DOUBLE,
    kendall_tau DOUBLE, spearman DOUBLE, shared_percent DOUBLE, expected_percent DOUBLE
);
CREATE TABLE candidates (
    collection VARCHAR, query_id VARCHAR, doc_id VARCHAR, grade INTEGER, bm25_rank INTEGER,
    bm25_score DOUBLE, run_rank INTEGER, run_score DOUBLE, pool VARCHAR
);
CREATE TABLE rerankings (
    collection VARCHAR, scheme VARCHAR, top_percent DOUBLE, draw INTEGER, query_id VARCHAR,
    doc_id VARCHAR, score DOUBLE
);
CREATE TABLE match_quality (
    scheme VARCHAR, top_percent DOUBLE, size_selected DOUBLE, size_matched DOUBLE,
    size_random DOUBLE, ratio_matched DOUBLE, ratio_random DOUBLE, worst_ratio DOUBLE,
    n_draws BIGINT
);
CREATE TABLE measures (
    collection VARCHAR, scheme VARCHAR, top_percent DOUBLE, draw INTEGER, query_id VARCHAR,
    measure VARCHAR, value DOUBLE
);
CREATE TABLE ablation_effects (
    scheme VARCHAR, top_percent DOUBLE, collection VARCHAR, original DOUBLE, pruned DOUBLE,
    difference_percent DOUBLE, p_value DOUBLE, p_value_holm DOUBLE, ci_low DOUBLE, ci_high DOUBLE,
    n_queries INTEGER, p_value_random DOUBLE, draw_low DOUBLE, draw_high DOUBLE,
    n_neurons INTEGER, n_draws INTEGER, significant BOOLEAN, significant_holm BOOLEAN,
    p_value_matched DOUBLE, floor DOUBLE, attainable_percent DOUBLE, attainable_low DOUBLE,
    attainable_high DOUBLE, p_equivalence DOUBLE, equivalent BOOLEAN, draws_within BIGINT
);
CREATE TABLE randomisation (
    label VARCHAR, step INTEGER, what VARCHAR, n_layers INTEGER, spearman DOUBLE,
    spearman_absolute DOUBLE, top_percent DOUBLE, shared_percent DOUBLE, expected_percent DOUBLE,
    f_change_mean DOUBLE, n_pairs INTEGER
);
CREATE TABLE single_neurons (
    label VARCHAR, layer INTEGER, component VARCHAR, neuron INTEGER, score DOUBLE,
    score_error DOUBLE, change_zero DOUBLE, change_zero_error DOUBLE, change_mean DOUBLE,
    change_mean_error DOUBLE, n_pairs INTEGER
);
CREATE TABLE single_neuron_correlations (
    label VARCHAR, component VARCHAR, n_neurons INTEGER, spearman_zero DOUBLE,
    spearman_low_zero DOUBLE, spearman_high_zero DOUBLE, spearman_absolute_zero DOUBLE,
    same_sign_percent_zero DOUBLE, spearman_mean DOUBLE, spearman_low_mean DOUBLE,
    spearman_high_mean DOUBLE, spearman_absolute_mean DOUBLE, same_sign_percent_mean DOUBLE,
    n_pairs INTEGER, n_resolved_zero INTEGER, n_resolved_mean INTEGER
);
CREATE TABLE path_example (
    query_id VARCHAR, doc_id VARCHAR, label VARCHAR, series VARCHAR, layer INTEGER,
    component VARCHAR, neuron INTEGER, score DOUBLE, token_index INTEGER, token VARCHAR,
    alpha DOUBLE, f DOUBLE, slope DOUBLE, activation DOUBLE, gradient DOUBLE, contribution DOUBLE,
    query VARCHAR, passage VARCHAR
);
CREATE TABLE ranking_quality (
    collection VARCHAR, ranking VARCHAR, measure VARCHAR, value DOUBLE, ci_low DOUBLE,
    ci_high DOUBLE, n_queries INTEGER, n_not_found INTEGER
);
