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
    score DOUBLE, standard_error DOUBLE, n_pairs INTEGER, method VARCHAR
);
CREATE TABLE neuron_tokens (
    collection VARCHAR, label VARCHAR, layer INTEGER, component VARCHAR, neuron INTEGER,
    kind VARCHAR, score DOUBLE, n_pairs INTEGER, method VARCHAR
);
CREATE TABLE attribution_checks (
    collection VARCHAR, label VARCHAR, query_id VARCHAR, doc_id VARCHAR, f_input DOUBLE,
    f_baseline DOUBLE, cut_sum DOUBLE, residual DOUBLE, n_points INTEGER, error_estimate DOUBLE,
    method VARCHAR, cost_forwards DOUBLE
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
    expected_high DOUBLE, p_value_chance DOUBLE, method VARCHAR, methods VARCHAR[]
);
CREATE TABLE selection_frequencies (
    collection VARCHAR, label VARCHAR, top_percent DOUBLE, layer INTEGER, component VARCHAR,
    neuron INTEGER, frequency DOUBLE, selected BOOLEAN, method VARCHAR
);
CREATE TABLE split_halves (
    collection VARCHAR, label VARCHAR, top_percent DOUBLE, halving INTEGER, n_pairs_half INTEGER,
    shared_percent DOUBLE, method VARCHAR
);
CREATE TABLE convergence (
    collection VARCHAR, label VARCHAR, top_percent DOUBLE, n_pairs INTEGER, points DOUBLE,
    points_doubled DOUBLE, shared_percent DOUBLE, kendall_tau DOUBLE, relative_difference DOUBLE,
    worst_pair_difference DOUBLE, method VARCHAR
);
CREATE TABLE sensitivity (
    collection VARCHAR, label VARCHAR, variant_a VARCHAR, variant_b VARCHAR, top_percent DOUBLE,
    kendall_tau DOUBLE, spearman DOUBLE, shared_percent DOUBLE, expected_percent DOUBLE,
    method VARCHAR
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
    attainable_high DOUBLE, p_equivalence DOUBLE, equivalent BOOLEAN, draws_within BIGINT,
    p_value_random_t DOUBLE, p_value_matched_t DOUBLE, detectable_percent DOUBLE,
    detectable_holm_percent DOUBLE
);
CREATE TABLE pooled_effects (
    scheme VARCHAR, top_percent DOUBLE, domain VARCHAR, n_collections INTEGER,
    collections VARCHAR[], original DOUBLE, pruned DOUBLE, difference_percent DOUBLE,
    p_value DOUBLE, p_value_holm DOUBLE, ci_low DOUBLE, ci_high DOUBLE, n_queries INTEGER,
    p_value_random DOUBLE, p_value_random_t DOUBLE, p_value_matched DOUBLE,
    p_value_matched_t DOUBLE, detectable_percent DOUBLE, detectable_holm_percent DOUBLE,
    significant BOOLEAN, significant_holm BOOLEAN
);
CREATE TABLE level_changes (
    scheme VARCHAR, top_percent DOUBLE, draw INTEGER, collection VARCHAR, n_queries INTEGER,
    shift DOUBLE, margin_relevant DOUBLE, shift_relevant DOUBLE, p_relevant DOUBLE,
    p_relevant_pruned DOUBLE, margin_non_relevant DOUBLE, shift_non_relevant DOUBLE,
    p_non_relevant DOUBLE, p_non_relevant_pruned DOUBLE, spread DOUBLE, spread_pruned DOUBLE,
    spread_percent DOUBLE, gap DOUBLE, gap_pruned DOUBLE, gap_percent DOUBLE,
    rank_correlation DOUBLE, accuracy DOUBLE, accuracy_pruned DOUBLE, accuracy_lexical DOUBLE,
    accuracy_lexical_pruned DOUBLE, accuracy_semantic DOUBLE, accuracy_semantic_pruned DOUBLE,
    shift_low DOUBLE, shift_high DOUBLE, shift_relevant_low DOUBLE, shift_relevant_high DOUBLE,
    shift_non_relevant_low DOUBLE, shift_non_relevant_high DOUBLE, spread_percent_low DOUBLE,
    spread_percent_high DOUBLE, gap_percent_low DOUBLE, gap_percent_high DOUBLE
);
CREATE TABLE level_controls (
    scheme VARCHAR, top_percent DOUBLE, collection VARCHAR, shift DOUBLE,
    difference_percent DOUBLE, direction VARCHAR, control VARCHAR, control_percent DOUBLE,
    control_draw INTEGER, control_n_neurons INTEGER, control_shift DOUBLE,
    control_difference_percent DOUBLE
);
CREATE TABLE loss_curves (
    method VARCHAR, scheme VARCHAR, ablated VARCHAR, top_percent DOUBLE, n_neurons INTEGER,
    collection VARCHAR, original DOUBLE, pruned DOUBLE, difference_percent DOUBLE, ci_low DOUBLE,
    ci_high DOUBLE, draw_low DOUBLE, draw_high DOUBLE, n_queries INTEGER, n_draws INTEGER
);
CREATE TABLE curve_areas (
    method VARCHAR, scheme VARCHAR, ablated VARCHAR, collection VARCHAR, area DOUBLE,
    ci_low DOUBLE, ci_high DOUBLE, compared_with VARCHAR, difference DOUBLE,
    difference_low DOUBLE, difference_high DOUBLE, p_value DOUBLE, p_value_holm DOUBLE,
    n_neurons_low INTEGER, n_neurons_high INTEGER
);
CREATE TABLE methods (
    method VARCHAR, scheme VARCHAR, top_percent DOUBLE, collection VARCHAR, n_neurons INTEGER,
    difference_percent DOUBLE, ci_low DOUBLE, ci_high DOUBLE, p_value DOUBLE,
    p_value_holm DOUBLE, random_percent DOUBLE, p_value_random DOUBLE, p_value_random_t DOUBLE,
    matched_percent DOUBLE, p_value_matched DOUBLE, p_value_matched_t DOUBLE,
    attainable_percent DOUBLE, n_queries INTEGER, shift DOUBLE, gap_percent DOUBLE,
    rank_correlation DOUBLE, spearman_random DOUBLE, spearman_random_low DOUBLE,
    spearman_random_high DOUBLE, spearman_strong DOUBLE, spearman_strong_low DOUBLE,
    spearman_strong_high DOUBLE, split_halves_percent DOUBLE, overlap_first_percent DOUBLE,
    cost_forwards DOUBLE
);
CREATE TABLE randomisation (
    label VARCHAR, step INTEGER, what VARCHAR, n_layers INTEGER, spearman DOUBLE,
    spearman_absolute DOUBLE, top_percent DOUBLE, shared_percent DOUBLE, expected_percent DOUBLE,
    f_change_mean DOUBLE, n_pairs INTEGER
);
CREATE TABLE single_neurons (
    label VARCHAR, layer INTEGER, component VARCHAR, neuron INTEGER, score DOUBLE,
    score_error DOUBLE, change_zero DOUBLE, change_zero_error DOUBLE, change_mean DOUBLE,
    change_mean_error DOUBLE, n_pairs INTEGER, method VARCHAR, sample VARCHAR
);
CREATE TABLE single_neuron_correlations (
    label VARCHAR, component VARCHAR, n_neurons INTEGER, spearman_zero DOUBLE,
    spearman_low_zero DOUBLE, spearman_high_zero DOUBLE, spearman_absolute_zero DOUBLE,
    same_sign_percent_zero DOUBLE, spearman_mean DOUBLE, spearman_low_mean DOUBLE,
    spearman_high_mean DOUBLE, spearman_absolute_mean DOUBLE, same_sign_percent_mean DOUBLE,
    n_pairs INTEGER, n_resolved_zero INTEGER, n_resolved_mean INTEGER, method VARCHAR,
    sample VARCHAR
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

-- Of tokens: empty in a study without the section.
CREATE TABLE token_pairs (
    collection VARCHAR, query_id VARCHAR, doc_id VARCHAR, label VARCHAR, p_relevant DOUBLE,
    is_scored BOOLEAN, is_of_statistics BOOLEAN
);
CREATE TABLE token_statistics (
    collection VARCHAR, layer INTEGER, feature INTEGER, mean DOUBLE, standard_deviation DOUBLE,
    is_floored BOOLEAN, n_tokens BIGINT, n_pairs BIGINT, loss DOUBLE, information DOUBLE,
    beta DOUBLE
);
CREATE TABLE token_scores (
    collection VARCHAR, method VARCHAR, layer INTEGER, query_id VARCHAR, doc_id VARCHAR,
    label VARCHAR, position INTEGER, token VARCHAR, word VARCHAR, word_number INTEGER,
    part VARCHAR, score DOUBLE, scaled DOUBLE, weight DOUBLE
);
CREATE TABLE token_checks (
    collection VARCHAR, method VARCHAR, layer INTEGER, query_id VARCHAR, doc_id VARCHAR,
    label VARCHAR, n_tokens BIGINT, is_cut BOOLEAN, p_label DOUBLE, "before" DOUBLE,
    "after" DOUBLE, cost_forwards DOUBLE
);
CREATE TABLE ranked_token_scores (
    collection VARCHAR, method VARCHAR, layer INTEGER, query_id VARCHAR, doc_id VARCHAR,
    label VARCHAR, position INTEGER, token VARCHAR, word VARCHAR, word_number INTEGER,
    part VARCHAR, score DOUBLE, scaled DOUBLE, weight DOUBLE
);
-- order is a word of SQL: write "order" in queries.
CREATE TABLE token_degradation (
    collection VARCHAR, method VARCHAR, layer INTEGER, query_id VARCHAR, doc_id VARCHAR,
    label VARCHAR, removal VARCHAR, "order" VARCHAR, step INTEGER, share DOUBLE,
    n_removed INTEGER, p_label DOUBLE
);
CREATE TABLE degradation_curves (
    collection VARCHAR, method VARCHAR, layer INTEGER, removal VARCHAR, "order" VARCHAR,
    step INTEGER, share DOUBLE, p_label DOUBLE, p_label_low DOUBLE, p_label_high DOUBLE,
    normalised DOUBLE, ci_low DOUBLE, ci_high DOUBLE, n_pairs BIGINT, n_queries BIGINT
);
CREATE TABLE degradation_areas (
    collection VARCHAR, method VARCHAR, layer INTEGER, removal VARCHAR, "order" VARCHAR,
    first_drop DOUBLE, first_drop_low DOUBLE, first_drop_high DOUBLE,
    first_drop_normalised DOUBLE, first_drop_normalised_low DOUBLE,
    first_drop_normalised_high DOUBLE, area DOUBLE, area_low DOUBLE, area_high DOUBLE,
    mean_drop DOUBLE, mean_drop_low DOUBLE, mean_drop_high DOUBLE,
    compared_with VARCHAR, difference DOUBLE, difference_low DOUBLE, difference_high DOUBLE,
    drop_difference DOUBLE, drop_difference_low DOUBLE, drop_difference_high DOUBLE,
    p_value DOUBLE, p_value_holm DOUBLE, n_steps BIGINT, n_pairs BIGINT, n_queries BIGINT
);
CREATE TABLE special_tokens (
    collection VARCHAR, method VARCHAR, layer INTEGER, part VARCHAR,
    scaled DOUBLE, scaled_low DOUBLE, scaled_high DOUBLE,
    weight DOUBLE, weight_low DOUBLE, weight_high DOUBLE,
    n_pairs BIGINT, n_queries BIGINT
);
CREATE TABLE token_positions (
    collection VARCHAR, layer INTEGER, "order" VARCHAR, position BIGINT, n_important BIGINT,
    n_pairs_there BIGINT
);
CREATE TABLE token_rankings (
    collection VARCHAR, query_id VARCHAR, doc_id VARCHAR, bm25_rank INTEGER, bm25_score DOUBLE,
    score DOUBLE, rank INTEGER, grade INTEGER, is_relevant BOOLEAN, gain INTEGER, label VARCHAR,
    is_scored BOOLEAN
);
CREATE TABLE token_overlaps (
    collection VARCHAR, rank INTEGER, jaccard_important DOUBLE, jaccard_important_low DOUBLE,
    jaccard_important_high DOUBLE, jaccard_all DOUBLE, jaccard_all_low DOUBLE,
    jaccard_all_high DOUBLE, n_pairs BIGINT, n_queries BIGINT
);
CREATE TABLE token_overlap_correlations (
    collection VARCHAR, tokens VARCHAR, passages VARCHAR, spearman DOUBLE, ci_low DOUBLE,
    ci_high DOUBLE, p_value DOUBLE, difference DOUBLE, difference_low DOUBLE,
    difference_high DOUBLE, n_queries BIGINT, n_ranks BIGINT
);
CREATE TABLE token_truncation (
    collection VARCHAR, query_id VARCHAR, doc_id VARCHAR, fields VARCHAR, n_tokens INTEGER,
    n_removed INTEGER, removed_percent DOUBLE, falls BOOLEAN
);
CREATE TABLE truncation_summary (
    collection VARCHAR, fields VARCHAR, value DOUBLE, value_low DOUBLE, value_high DOUBLE,
    base DOUBLE, base_low DOUBLE, base_high DOUBLE,
    difference DOUBLE, difference_low DOUBLE, difference_high DOUBLE,
    higher_percent DOUBLE, higher_percent_low DOUBLE, higher_percent_high DOUBLE,
    n_removed DOUBLE, n_removed_low DOUBLE, n_removed_high DOUBLE,
    never_falls DOUBLE, never_falls_low DOUBLE, never_falls_high DOUBLE,
    n_queries BIGINT, p_value DOUBLE, p_value_holm DOUBLE, p_value_wilcoxon DOUBLE
);
CREATE TABLE truncated_rankings (
    collection VARCHAR, fields VARCHAR, kept_percent DOUBLE, query_id VARCHAR, measure VARCHAR,
    value DOUBLE
);
CREATE TABLE truncated_rankings_summary (
    collection VARCHAR, fields VARCHAR, kept_percent DOUBLE, measure VARCHAR,
    value DOUBLE, value_low DOUBLE, value_high DOUBLE,
    base DOUBLE, base_low DOUBLE, base_high DOUBLE,
    difference DOUBLE, difference_low DOUBLE, difference_high DOUBLE,
    higher_percent DOUBLE, higher_percent_low DOUBLE, higher_percent_high DOUBLE,
    n_queries BIGINT, p_value DOUBLE, p_value_holm DOUBLE, p_value_wilcoxon DOUBLE
);
CREATE TABLE sentence_order (
    collection VARCHAR, "order" VARCHAR, query_id VARCHAR, measure VARCHAR, value DOUBLE
);
CREATE TABLE sentence_order_summary (
    collection VARCHAR, "order" VARCHAR, measure VARCHAR,
    value DOUBLE, value_low DOUBLE, value_high DOUBLE,
    base DOUBLE, base_low DOUBLE, base_high DOUBLE,
    difference DOUBLE, difference_low DOUBLE, difference_high DOUBLE,
    higher_percent DOUBLE, higher_percent_low DOUBLE, higher_percent_high DOUBLE,
    n_queries BIGINT, p_value DOUBLE, p_value_holm DOUBLE, p_value_wilcoxon DOUBLE
);
CREATE TABLE matched_positions (
    collection VARCHAR, query_id VARCHAR, higher_max DOUBLE, higher_mean DOUBLE, lower_max DOUBLE,
    lower_mean DOUBLE, n_higher BIGINT, n_lower BIGINT
);
CREATE TABLE matched_positions_summary (
    collection VARCHAR, aggregate VARCHAR, value DOUBLE, value_low DOUBLE, value_high DOUBLE,
    base DOUBLE, base_low DOUBLE, base_high DOUBLE,
    difference DOUBLE, difference_low DOUBLE, difference_high DOUBLE,
    higher_percent DOUBLE, higher_percent_low DOUBLE, higher_percent_high DOUBLE,
    n_queries BIGINT, p_value DOUBLE, p_value_holm DOUBLE, p_value_wilcoxon DOUBLE
);
CREATE TABLE top_passages (
    collection VARCHAR, query_id VARCHAR, ranker_doc_id VARCHAR, bm25_doc_id VARCHAR,
    jaccard_ranker DOUBLE, jaccard_bm25 DOUBLE, mrr_ranker DOUBLE, mrr_bm25 DOUBLE
);
CREATE TABLE top_passages_summary (
    collection VARCHAR, measure VARCHAR, value DOUBLE, value_low DOUBLE, value_high DOUBLE,
    base DOUBLE, base_low DOUBLE, base_high DOUBLE,
    difference DOUBLE, difference_low DOUBLE, difference_high DOUBLE,
    higher_percent DOUBLE, higher_percent_low DOUBLE, higher_percent_high DOUBLE,
    n_queries BIGINT, p_value DOUBLE, p_value_holm DOUBLE, p_value_wilcoxon DOUBLE
);
CREATE TABLE token_findings (
    claim VARCHAR, collection VARCHAR, method VARCHAR, layer INTEGER, paper VARCHAR,
    paper_value DOUBLE, value DOUBLE, ci_low DOUBLE, ci_high DOUBLE, p_value DOUBLE, n BIGINT,
    n_collections BIGINT, holds VARCHAR
);

-- How the ranker ranks: empty in a study without the section mechanism.
CREATE TABLE diagnostic_pairs (
    collection VARCHAR, pair INTEGER, perturbation VARCHAR, level INTEGER, is_patched BOOLEAN,
    query_id VARCHAR, doc_id VARCHAR, query VARCHAR, term VARCHAR, injected VARCHAR,
    source VARCHAR, passage_before VARCHAR, passage_after VARCHAR, tokens_before VARCHAR [],
    tokens_after VARCHAR [], token_classes VARCHAR [], n_tokens INTEGER
);
CREATE TABLE diagnostic_scores (
    collection VARCHAR, pair INTEGER, perturbation VARCHAR, level INTEGER, query_id VARCHAR,
    doc_id VARCHAR, logit_before DOUBLE, logit_after DOUBLE, competitor_logits DOUBLE []
);
CREATE TABLE patches (
    collection VARCHAR, perturbation VARCHAR, grid VARCHAR, site VARCHAR, layer INTEGER,
    head INTEGER, token_class VARCHAR, n_pairs BIGINT, n_small BIGINT, effect DOUBLE,
    ci_low DOUBLE, ci_high DOUBLE, p_value DOUBLE, p_value_holm DOUBLE, logit_change DOUBLE,
    estimated_effect DOUBLE, flipped_percent DOUBLE, n_compared BIGINT
);
CREATE TABLE path_patches (
    collection VARCHAR, perturbation VARCHAR, sender_layer INTEGER, sender_head INTEGER,
    receiver VARCHAR, receiver_layer INTEGER, receiver_head INTEGER, n_pairs BIGINT,
    n_small BIGINT, effect DOUBLE, ci_low DOUBLE, ci_high DOUBLE, p_value DOUBLE,
    p_value_holm DOUBLE, logit_change DOUBLE
);
CREATE TABLE patch_screen (
    collection VARCHAR, perturbation VARCHAR, grid VARCHAR, site VARCHAR, n_patches BIGINT,
    pearson DOUBLE, spearman DOUBLE, mean_absolute_error DOUBLE, top_shared_percent DOUBLE
);
CREATE TABLE dose_scores (
    collection VARCHAR, perturbation VARCHAR, level INTEGER, n_pairs BIGINT, logit_change DOUBLE,
    ci_low DOUBLE, ci_high DOUBLE
);
CREATE TABLE heads (
    layer INTEGER, head INTEGER, is_matching BOOLEAN, is_relevance BOOLEAN, kind VARCHAR,
    why VARCHAR, match_attention DOUBLE, null_shuffles DOUBLE, null_rankers DOUBLE,
    p_shuffles DOUBLE, cls_query_share DOUBLE, null_cls_query_share DOUBLE, path_effect DOUBLE,
    path_ci_low DOUBLE, path_ci_high DOUBLE, path_p_holm DOUBLE, output_effect DOUBLE,
    n_words BIGINT, path_perturbation VARCHAR, n_path_pairs BIGINT
);
CREATE TABLE soft_tf (
    collection VARCHAR, layer INTEGER, head INTEGER, is_matching BOOLEAN, kind VARCHAR,
    k1 DOUBLE, k1_low DOUBLE, k1_high DOUBLE, b DOUBLE, b_low DOUBLE, b_high DOUBLE,
    r_squared DOUBLE, n_words BIGINT, n_queries BIGINT, height DOUBLE, floor DOUBLE
);
CREATE TABLE idf_components (
    collection VARCHAR, component INTEGER, singular_value DOUBLE, correlation DOUBLE,
    p_value DOUBLE, sign BIGINT, is_found BOOLEAN, n_words BIGINT
);
CREATE TABLE idf_edits (
    collection VARCHAR, kind VARCHAR, dose DOUBLE, n_pairs BIGINT, n_queries BIGINT,
    change DOUBLE, ci_low DOUBLE, ci_high DOUBLE, p_value DOUBLE, p_value_queries DOUBLE,
    lowest_direction DOUBLE, highest_direction DOUBLE
);
CREATE TABLE semantic_bm25 (
    collection VARCHAR, variant VARCHAR, form VARCHAR, split VARCHAR, n_heads BIGINT,
    n_features BIGINT, n_pairs BIGINT, n_queries BIGINT,
    pearson DOUBLE, pearson_low DOUBLE, pearson_high DOUBLE,
    spearman DOUBLE, spearman_low DOUBLE, spearman_high DOUBLE,
    measure VARCHAR, value DOUBLE, value_low DOUBLE, value_high DOUBLE, k1 DOUBLE, b DOUBLE,
    n_left_out BIGINT, n_ranked BIGINT
);
CREATE TABLE faithfulness (
    collection VARCHAR, kept VARCHAR, draw INTEGER, n_heads BIGINT,
    score_share DOUBLE, score_share_low DOUBLE, score_share_high DOUBLE, n_pairs BIGINT,
    measure VARCHAR, value DOUBLE, value_share DOUBLE, value_low DOUBLE, value_high DOUBLE,
    n_queries BIGINT, n_small BIGINT, score_p_random DOUBLE, value_p_random DOUBLE
);
CREATE TABLE head_neurons (
    layer INTEGER, component VARCHAR, neuron INTEGER, head INTEGER, is_matching BOOLEAN,
    is_relevance BOOLEAN, share DOUBLE
);
CREATE TABLE head_overlaps (
    scheme VARCHAR, top_percent DOUBLE, kind VARCHAR, component VARCHAR, n_scheme BIGINT,
    n_heads_neurons BIGINT, n_component BIGINT, shared BIGINT, expected DOUBLE,
    expected_low DOUBLE, expected_high DOUBLE, p_value DOUBLE
);
