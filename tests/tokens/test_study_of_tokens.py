"""What a study asks of tokens: which pairs, and at which layers."""

from __future__ import annotations

import polars as pl
import pytest

from relevance_neurons.errors import UserError
from relevance_neurons.tokens.asked_layer import asked_layer
from relevance_neurons.tokens.layers import study_layers
from relevance_neurons.tokens.methods import two_thirds
from workflow_scripts.tokens import choose_token_pairs, gather_ranked_tokens


@pytest.fixture
def pairs(tmp_path):
    frame = pl.DataFrame(
        {
            "query_id": [f"q{i}" for i in range(8)],
            "doc_id": [f"d{i}" for i in range(8)],
            "label": ["relevant"] * 5 + ["non_relevant"] * 3,
            "p_relevant": [0.1, 0.9, 0.8, 0.7, 0.6, 0.1, 0.2, 0.3],
            "kept": [False, True, True, True, True, True, True, True],
        }
    )
    frame.write_parquet(tmp_path / "pairs.parquet")
    return tmp_path / "pairs.parquet"


@pytest.mark.parametrize(("scored", "statistics", "rows"), [(2, 3, 3), (3, 2, 3), (9, 9, 4)])
def test_the_first_kept_relevant_pairs_are_chosen(
    pairs, tmp_path, caplog, scored, statistics, rows
):
    made = tmp_path / "chosen.parquet"
    choose_token_pairs.main(str(pairs), str(made), "alpha", scored, statistics)
    chosen = pl.read_parquet(made)
    assert chosen["query_id"].to_list() == ["q1", "q2", "q3", "q4"][:rows]
    assert chosen["is_scored"].to_list() == [row < scored for row in range(rows)]
    assert chosen["is_of_statistics"].to_list() == [row < statistics for row in range(rows)]
    assert ("alpha: tokens of 4 pairs are scored, not 9" in caplog.text) == (scored > 4)


def test_a_collection_without_relevant_pairs_is_told(pairs, tmp_path):
    pl.read_parquet(pairs).filter(label="non_relevant").write_parquet(pairs)
    with pytest.raises(UserError, match=r"^tokens.collections: alpha has no relevant pair that"):
        choose_token_pairs.main(str(pairs), str(tmp_path / "chosen.parquet"), "alpha", 2, 2)


def test_shards_are_put_in_their_order(tmp_path):
    files = []
    for number in range(3):
        files.append(str(tmp_path / f"{number}.parquet"))
        pl.DataFrame({"position": [number, number + 10]}).write_parquet(files[-1])
    gather_ranked_tokens.main(files, str(tmp_path / "all.parquet"))
    assert pl.read_parquet(tmp_path / "all.parquet")["position"].to_list() == [0, 10, 1, 11, 2, 12]


@pytest.mark.parametrize(("n_layers", "layer"), [(24, 15), (12, 7), (6, 3), (2, 0), (1, 0)])
def test_two_thirds_of_the_depth(n_layers, layer):
    """The paper's 16th of 24 is 15 from 0."""
    assert two_thirds(n_layers) == layer


def test_layers_of_a_study_hold_the_one_that_is_asked_at(reranker):
    assert study_layers(reranker, "all", None) == [0, 1, 2]
    assert study_layers(reranker, [0], None) == [0, 1]
    assert study_layers(reranker, [], 2) == [2]


@pytest.mark.parametrize(
    ("layers", "layer", "told"),
    [([0, 9], None, "tokens.layers: 9"), ("all", 3, "tokens.layer: 3")],
)
def test_a_layer_that_the_ranker_lacks_is_told(two_logits, layers, layer, told):
    with pytest.raises(UserError, match=f"^{told} was found; this ranker has the layers 0 to 2"):
        study_layers(two_logits, layers, layer)


def test_the_asked_layer_without_a_ranker_is_the_same(tmp_path):
    file = tmp_path / "statistics.parquet"
    pl.DataFrame({"layer": list(range(6)) * 2}).write_parquet(file)
    assert asked_layer(None, [str(file)]) == two_thirds(6)
    assert asked_layer(5, [str(file)]) == 5
    assert asked_layer(None, []) is None
