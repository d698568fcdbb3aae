"""Components that grow with IDF: against scipy, a planted one, and the null's level on noise."""

from itertools import permutations

import numpy as np
import polars as pl
import pytest
from scipy.stats import binomtest, pearsonr

from relevance_neurons import load_reranker
from relevance_neurons.mechanism.embeddings import whole_words
from relevance_neurons.mechanism.idf_components import (
    Components,
    correlate_components,
    idf_direction,
)
from workflow_scripts.mechanism import correlate_idf, summarise_idf


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def words_of(idf: np.ndarray, first: int = 0) -> pl.DataFrame:
    return pl.DataFrame({"token_id": np.arange(first, first + len(idf)), "idf": idf})


def test_components_are_the_singular_vectors(rng) -> None:
    matrix = rng.normal(size=(30, 5)).astype(np.float32)
    components = Components.of(matrix)
    product = components.left * components.singular_values @ components.directions
    np.testing.assert_allclose(product, matrix, atol=1e-6)
    np.testing.assert_allclose(components.left.T @ components.left, np.eye(5), atol=1e-12)
    # A matrix whose rows are mirrored has the same directions, and entries of the other sign.
    mirrored = Components.of(-matrix)
    np.testing.assert_allclose(mirrored.directions, components.directions, atol=1e-12)
    np.testing.assert_allclose(mirrored.left, -components.left, atol=1e-12)


def test_correlations_are_those_of_scipy(rng) -> None:
    """Over the words alone, which are not the whole vocabulary."""
    components, idf = Components.of(rng.normal(size=(40, 6))), rng.gamma(2.0, size=25)
    found = correlate_components(components, words_of(idf, first=10), permutations=20)
    expected = [pearsonr(column, idf).statistic for column in components.left[10:35].T]
    np.testing.assert_allclose(found["correlation"], expected, atol=1e-12)
    assert found["component"].to_list() == list(range(6))
    assert found["n_words"].unique().to_list() == [25]
    np.testing.assert_array_equal(found["sign"], np.sign(expected))


def test_p_values_are_those_of_all_permutations(rng) -> None:
    """Of five words there are 120: the p-values of drawn ones come near those of all."""
    components, idf = Components.of(rng.normal(size=(5, 3))), rng.normal(size=5)
    found = correlate_components(components, words_of(idf), permutations=4000, seed=3)
    largest = np.array(
        [
            max(abs(pearsonr(column, shuffled).statistic) for column in components.left.T)
            for shuffled in permutations(idf)
        ]
    )
    sizes = found["correlation"].abs().to_numpy()
    exact = (largest[:, None] >= sizes - 1e-12).mean(axis=0)
    assert exact.min() < 0.9  # there is something to compare
    np.testing.assert_allclose(found["p_value"], exact, atol=0.03)
    again = correlate_components(components, words_of(idf), permutations=4000, seed=3)
    assert again.equals(found)


def test_a_planted_component_is_found_whatever_its_sign(rng) -> None:
    idf = rng.gamma(2.0, size=200)
    for sign in (1, -1):
        matrix = rng.normal(size=(200, 8))
        matrix[:, 3] = 10 * sign * (idf - idf.mean()) + rng.normal(size=200)
        components = Components.of(matrix)
        found = correlate_components(components, words_of(idf), permutations=99)
        best = found.filter("is_found")
        assert best["component"].to_list() == [0]  # the largest of the matrix
        assert best["correlation"].abs()[0] > 0.95
        assert best["p_value"][0] == 0.01
        direction = idf_direction(components, found)
        assert pearsonr(matrix @ direction, idf).statistic > 0.95
        assert direction[3] * sign > 0.95


def test_noise_is_found_as_often_as_the_level_says(rng) -> None:
    """Were each of the 12 components tested by itself, about half of the studies would find one."""
    found = 0
    for study in range(200):
        components = Components.of(rng.normal(size=(30, 12)))
        words = words_of(rng.gamma(2.0, size=30))
        found += correlate_components(components, words, 99, seed=study)["is_found"].sum()
    assert binomtest(found, 200, 0.05).pvalue > 0.01


@pytest.mark.parametrize("n_words", [0, 2])
def test_too_few_words_give_no_number(rng, n_words) -> None:
    components = Components.of(rng.normal(size=(20, 4)))
    found = correlate_components(components, words_of(rng.normal(size=n_words)), permutations=9)
    assert found.select("correlation", "p_value", "sign").null_count().row(0) == (4, 4, 4)
    assert found["n_words"].to_list() == [n_words] * 4
    assert not found["is_found"].any()
    assert idf_direction(components, found) is None


def test_what_does_not_vary_gives_no_number(rng) -> None:
    same = correlate_components(Components.of(rng.normal(size=(9, 4))), words_of(np.full(9, 2.5)))
    assert same["correlation"].null_count() == 4
    # Three columns of rank two: the third singular vector is an accident of rounding.
    matrix = rng.normal(size=(30, 2))
    matrix = np.column_stack([matrix, matrix.sum(axis=1)])
    found = correlate_components(Components.of(matrix), words_of(rng.normal(size=30)), 9)
    assert found["correlation"].is_null().to_list() == [False, False, True]


def test_scripts_write_the_components_of_every_collection(ranker_folder, tmp_path) -> None:
    reranker = {"model": str(ranker_folder), "max_length": 48, "dtype": "float32"}
    words = whole_words(load_reranker(**reranker).tokenizer)["word"].to_list()[:20]
    settings = {"permutations": 9, "significance": 0.05, "seed": 0}
    for name in ("a", "b"):
        counts = tmp_path / f"counts_{name}.parquet"
        frame = pl.DataFrame({"word": [*words, "unknown"], "idf": np.arange(21.0)})
        frame.write_parquet(counts)
        made = {"idf_components": str(tmp_path / f"{name}.parquet")}
        correlate_idf.main({"word_counts": str(counts)}, made, reranker, settings, name)
    tables = [str(tmp_path / f"{name}.parquet") for name in ("a", "b")]
    summarise_idf.main(
        {"idf_components": tables}, {"idf_components": str(tmp_path / "all.parquet")}
    )
    found = pl.read_parquet(tmp_path / "all.parquet")
    assert found.columns == [
        *("collection", "component", "singular_value", "correlation"),
        *("p_value", "sign", "is_found", "n_words"),
    ]
    assert found["collection"].to_list() == ["a"] * 16 + ["b"] * 16
    assert found["n_words"].unique().to_list() == [20]  # the unknown one is no entry
