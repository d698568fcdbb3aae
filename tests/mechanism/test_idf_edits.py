"""Moving IDF: against a model with changed weights, and a ranker that ranks by a planted IDF."""

import copy
from itertools import product

import numpy as np
import polars as pl
import pytest
import torch
from scipy.stats import ttest_rel

from relevance_neurons.mechanism.embeddings import whole_words, word_embeddings
from relevance_neurons.mechanism.idf_components import Components, correlate_components
from relevance_neurons.mechanism.idf_edits import KINDS, Moves, measure_changes
from relevance_neurons.mechanism.idf_effects import idf_effects
from relevance_neurons.mechanism.idf_pairs import choose_term_pairs
from toys.bert import make_reranker
from toys.planted_idf import PAIRS, planted_idf_ranker, word_counts
from toys.tiny_rankers import make_ranker
from toys.tiny_tokenizers import wordpiece
from workflow_scripts.mechanism import edit_idf, summarise_idf

DOSES = (-4.0, -2.0, -1.0, 1.0, 2.0, 4.0)


@pytest.fixture
def counts(tmp_path) -> str:
    word_counts().write_parquet(tmp_path / "counts.parquet")
    return str(tmp_path / "counts.parquet")


def ids_of(n_pairs: int, n_queries: int | None = None) -> pl.DataFrame:
    rows = range(n_pairs)
    queries = [f"q{row % (n_queries or n_pairs)}" for row in rows]
    return pl.DataFrame({"query_id": queries, "doc_id": [f"d{row}" for row in rows]})


def correlations_of(reranker) -> pl.DataFrame:
    words = whole_words(reranker.tokenizer).join(word_counts(), on="word", maintain_order="left")
    components = Components.of(word_embeddings(reranker))
    return correlate_components(components, words, permutations=99)


def test_rarest_term_of_the_query_is_taken_where_the_passage_has_it(counts) -> None:
    reranker = make_reranker()
    found = choose_term_pairs(reranker, ids_of(len(PAIRS)), PAIRS, counts, 10)
    assert [(one.doc_id, one.term) for one in found] == [
        *(("d0", "wing"), ("d1", "cell"), ("d2", "model"), ("d3", "click"), ("d4", "space"))
    ]
    for one in found:
        tokens = reranker.tokenizer.convert_ids_to_tokens(one.encoded.input_ids.tolist())
        assert one.positions == tuple(i for i, token in enumerate(tokens) if token == one.term)
        assert len(one.positions) >= 2


def test_all_pieces_of_a_term_are_its_positions(tmp_path) -> None:
    reranker = make_reranker()
    reranker.tokenizer = wordpiece()
    counts = {"n_documents": [1, 3, 2], "n_total_documents": [9] * 3}
    frame = pl.DataFrame({"word": ["reflowing", "wing", "wings"], **counts})
    frame.write_parquet(tmp_path / "counts.parquet")
    texts = [("wing reflowing", "wings, Reflowing. wing reflow reflowing")]
    (found,) = choose_term_pairs(reranker, ids_of(1), texts, tmp_path / "counts.parquet", 10)
    tokens = reranker.tokenizer.convert_ids_to_tokens(found.encoded.input_ids.tolist())
    assert found.term == "reflowing"
    assert [tokens[place] for place in found.positions] == ["re", "##flow", "##ing"] * 3


def test_pairs_are_drawn_of_as_many_queries_as_there_are(counts, caplog) -> None:
    reranker, texts = make_reranker(), [PAIRS[row % 5] for row in range(20)]
    found = choose_term_pairs(reranker, ids_of(20, 5), texts, counts, 8, seed=1)
    queries = [one.query_id for one in found]
    assert sorted(set(queries)) == [f"q{row}" for row in range(5)]
    assert max(queries.count(one) for one in queries) == 2
    again = choose_term_pairs(reranker, ids_of(20, 5), texts, counts, 8, seed=1)
    assert [one.doc_id for one in again] == [one.doc_id for one in found]
    other = choose_term_pairs(reranker, ids_of(20, 5), texts, counts, 8, seed=2)
    assert [one.doc_id for one in other] != [one.doc_id for one in found]
    assert "asked for" not in caplog.text
    choose_term_pairs(reranker, ids_of(len(PAIRS)), PAIRS, counts, 40)
    assert "5 of 6 ranked passages have the rarest term of their query" in caplog.text


@pytest.mark.parametrize(("kind", "n_logits"), [("bert", 1), ("electra", 2), ("modernbert", 2)])
def test_changes_are_those_of_a_model_with_changed_weights(kind, n_logits, counts) -> None:
    """U's entry, a random direction's length and the row's, each in weights of a copy."""
    reranker = make_ranker(kind, n_logits)
    correlations = correlations_of(reranker)
    moves = Moves.along_idf(reranker, correlations, (-2.0, 3.0), 2, seed=5)
    pairs = choose_term_pairs(reranker, ids_of(3), PAIRS[:3], counts, 3)
    found = measure_changes(reranker, pairs, moves)

    matrix = word_embeddings(reranker).astype(float)
    left, values, directions = np.linalg.svd(matrix, full_matrices=False)
    words = whole_words(reranker.tokenizer).join(word_counts(), on="word", maintain_order="left")
    own = left[words["token_id"].to_numpy()]
    correlated = [np.corrcoef(column, words["idf"])[0, 1] for column in own.T]
    k = int(np.argmax(np.abs(correlated)))
    sign, spread = np.sign(correlated[k]), np.std(own[:, k] * values[k])
    rng = np.random.default_rng(5)
    random = [one / np.linalg.norm(one) for one in rng.standard_normal((2, matrix.shape[1]))]

    for (row, pair), (place, dose) in product(enumerate(pairs), enumerate((-2.0, 3.0))):
        token = reranker.tokenizer.convert_tokens_to_ids(pair.term)
        edited = left.copy()
        edited[token, k] = sign * dose * abs(left[token, k])
        rows = {
            ("component", 0): matrix[token] + dose * spread * sign * directions[k],
            ("random", 0): matrix[token] + dose * spread * random[0],
            ("random", 1): matrix[token] + dose * spread * random[1],
            ("scaled_row", 0): matrix[token] * (1 + dose * spread / np.linalg.norm(matrix[token])),
            ("legacy", 0): (edited * values @ directions)[token],
        }
        assert {name for name, _ in rows} == set(KINDS)
        for (name, draw), changed in rows.items():
            expected = _margin(reranker, pair, token, changed) - _margin(reranker, pair, token)
            assert abs(expected) > 1e-6
            assert found[name][row, draw, place] == pytest.approx(expected, rel=1e-4, abs=1e-6)


@torch.inference_mode()
def _margin(reranker, pair, token: int, changed: np.ndarray | None = None) -> float:
    model = copy.deepcopy(reranker.model)
    if changed is not None:
        model.get_input_embeddings().weight[token] = torch.as_tensor(changed)
    logits = model(**reranker.collate([pair.encoded])).logits[0]
    return float(logits[0] if len(logits) == 1 else logits[1] - logits[0])


@pytest.mark.parametrize(("sign", "n_logits"), [(1, 1), (1, 2), (-1, 1)])
def test_planted_idf_is_found_and_random_directions_are_not(sign, n_logits, counts) -> None:
    reranker = planted_idf_ranker(sign, n_logits)
    correlations = correlations_of(reranker)
    assert correlations.filter("is_found")["correlation"].abs()[0] > 0.99
    moves = Moves.along_idf(reranker, correlations, DOSES, 20)
    pairs = choose_term_pairs(reranker, ids_of(len(PAIRS)), PAIRS, counts, 10)
    changes = measure_changes(reranker, pairs, moves)
    found = idf_effects(changes, [one.query_id for one in pairs], DOSES)
    component = found.filter(pl.col("kind") == "component")
    assert (sign * component.filter(pl.col("dose").is_not_null())["change"]).is_sorted()
    slope = component.filter(pl.col("dose").is_null()).row(0, named=True)
    assert slope["p_value"] == 1 / 21
    assert slope["p_value_queries"] < 0.01
    assert slope["ci_low"] * slope["ci_high"] > 0
    random = found.filter(pl.col("kind") == "random", pl.col("dose").is_null()).row(0, named=True)
    assert abs(random["change"]) < 0.2 * abs(slope["change"])
    extremes = (random["lowest_direction"], random["highest_direction"])
    assert max(map(abs, extremes)) < 0.9 * abs(slope["change"])


def test_changes_do_not_depend_on_the_size_of_a_pass(counts) -> None:
    reranker = planted_idf_ranker()
    moves = Moves.along_idf(reranker, correlations_of(reranker), DOSES, 3)
    pairs = choose_term_pairs(reranker, ids_of(len(PAIRS)), PAIRS, counts, 10)
    whole = measure_changes(reranker, pairs, moves)
    reranker.batch_tokens = 1  # a row at a time
    for kind, changes in measure_changes(reranker, pairs, moves).items():
        np.testing.assert_allclose(changes, whole[kind], rtol=1e-9, atol=1e-12)


def test_effects_are_those_of_numpy_and_scipy() -> None:
    """Two pairs of query a, one each of b and c; four random directions."""
    rng = np.random.default_rng(0)
    draws = {"component": 1, "random": 4, "scaled_row": 1, "legacy": 1}
    changes = {kind: rng.normal(size=(4, n, 3)) for kind, n in draws.items()}
    doses = (-1.0, 1.0, 3.0)
    found = idf_effects(changes, ["a", "b", "a", "c"], doses)
    assert found["n_pairs"].unique().to_list() == [4]
    assert found["n_queries"].unique().to_list() == [3]
    assert found.filter(pl.col("dose").is_null())["kind"].to_list() == list(KINDS[:3])

    def query_means(values: np.ndarray) -> np.ndarray:
        return np.array([values[[0, 2]].mean(axis=0), values[1], values[3]])

    fitted = {
        kind: np.linalg.lstsq(np.array(doses)[:, None], one.reshape(-1, 3).T)[0].reshape(4, -1)
        for kind, one in changes.items()
    }
    own, random = query_means(fitted["component"])[:, 0], query_means(fitted["random"])
    row = found.row(
        by_predicate=(pl.col("kind") == "component") & pl.col("dose").is_null(), named=True
    )
    assert row["change"] == pytest.approx(own.mean())
    as_large = np.sum(np.abs(random.mean(axis=0)) >= abs(own.mean()))
    assert row["p_value"] == pytest.approx((1 + as_large) / 5)
    assert row["p_value_queries"] == pytest.approx(ttest_rel(own, random.mean(axis=1)).pvalue)
    row = found.row(by_predicate=(pl.col("kind") == "random") & (pl.col("dose") == 3), named=True)
    means = query_means(changes["random"][:, :, 2])
    assert row["change"] == pytest.approx(means.mean())
    assert row["lowest_direction"] == pytest.approx(means.mean(axis=0).min())
    assert row["highest_direction"] == pytest.approx(means.mean(axis=0).max())
    assert row["p_value"] is None


def test_what_cannot_be_had_is_null() -> None:
    draws = {"component": 1, "random": 0, "scaled_row": 1, "legacy": 1}
    none = idf_effects({kind: np.zeros((0, n, 2)) for kind, n in draws.items()}, [], (-1.0, 1.0))
    assert len(none) == 11
    assert none["n_pairs"].unique().to_list() == [0]
    assert none.drop("kind", "dose", "n_pairs", "n_queries").null_count().sum_horizontal()[0] == 77
    one = idf_effects({kind: np.ones((1, n, 2)) for kind, n in draws.items()}, ["a"], (1.0, 2.0))
    component = one.filter(pl.col("kind") == "component")
    assert component["change"].to_list() == [1.0, 1.0, 0.6]
    assert component.select("ci_low", "p_value", "p_value_queries").null_count().row(0) == (3, 3, 3)
    assert one.filter(pl.col("kind") == "random")["change"].null_count() == 3  # no direction


def test_scripts_write_a_collections_edits(ranker_folder, tmp_path, counts) -> None:
    reranker = {"model": str(ranker_folder), "max_length": 48, "dtype": "float32"}
    rankings = ids_of(len(PAIRS))
    frames = {
        "mechanism_rankings": rankings,
        "queries": rankings.select("query_id", text=pl.Series([query for query, _ in PAIRS])),
        "documents": rankings.select("doc_id", text=pl.Series([text for _, text in PAIRS])),
    }
    given = {"word_counts": counts, "idf_components": str(tmp_path / "components.parquet")}
    for name, frame in frames.items():
        given[name] = str(tmp_path / f"{name}.parquet")
        frame.write_parquet(given[name])
    settings = {"doses": [-1, 2], "directions": 2, "pairs": 3, "seed": 0}
    ranker = planted_idf_ranker()
    correlations = correlations_of(ranker)
    nothing = correlations.with_columns(correlation=None, sign=None)
    for name, components in (("a", correlations), ("b", nothing)):
        components.write_parquet(given["idf_components"])
        made = {"idf_edits": str(tmp_path / f"{name}.parquet")}
        edit_idf.main(given, made, reranker, settings, name)
    tables = [str(tmp_path / f"{name}.parquet") for name in ("a", "b")]
    summarise_idf.main({"idf_edits": tables}, {"idf_edits": str(tmp_path / "all.parquet")})
    found = pl.read_parquet(tmp_path / "all.parquet")
    assert found["collection"].to_list() == ["a"] * 11 + ["b"] * 11
    assert found["n_pairs"].to_list() == [3] * 11 + [0] * 11
    assert found["change"].is_null().to_list() == [False] * 11 + [True] * 11
