"""Means of effects, their intervals, tests and screen against numpy, scipy and statsmodels."""

import importlib.util
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.stats import pearsonr, spearmanr, ttest_1samp
from statsmodels.stats.multitest import multipletests

SCRIPT = Path(__file__).parents[2] / "workflow_scripts" / "mechanism" / "summarise_patches.py"
SMALLEST = 0.1
N_PAIRS, N_LAYERS, N_HEADS = 12, 3, 4


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("summarise_patches", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def made_up(folder, n_small=3, collection="c"):
    """Effects of heads and paths on pairs, the last ``n_small`` of which hardly change."""
    rng = np.random.default_rng(0)
    before = rng.normal(size=N_PAIRS)
    change = rng.choice([-1, 1], N_PAIRS) * rng.uniform(0.5, 2, N_PAIRS)
    change[N_PAIRS - n_small :] = 0.05
    places = [
        (pair, layer, head)
        for pair in range(N_PAIRS)
        for layer in range(N_LAYERS)
        for head in range(N_HEADS)
    ]
    share = rng.normal(0.1, 0.2, len(places)) + [
        0.5 * (layer == head == 1) for _, layer, head in places
    ]
    pair, layer, head = (np.array(one, dtype=np.int32) for one in zip(*places, strict=True))
    effects = pl.DataFrame(
        {
            "collection": [collection] * len(places),
            "perturbation": "TFC1",
            "pair": pair,
            "grid": "head",
            "site": "output",
            "layer": layer,
            "head": head,
            "token_class": "all",
            "logit_before": before[pair],
            "logit_after": (before + change)[pair],
            "logit": before[pair] + share * change[pair],
            "estimate": before[pair] + (share + rng.normal(0, 0.1, len(places))) * change[pair],
        }
    )
    paths = effects.select(
        *("collection", "perturbation", "pair"),
        pl.col("layer").alias("sender_layer"),
        pl.col("head").alias("sender_head"),
        pl.lit("residual").alias("receiver"),
        pl.lit(None, pl.Int32).alias("receiver_layer"),
        pl.lit(None, pl.Int32).alias("receiver_head"),
        *("logit_before", "logit_after", "logit"),
    )
    scores = pl.DataFrame(
        {
            "collection": [collection] * N_PAIRS,
            "pair": np.arange(N_PAIRS, dtype=np.int32),
            "perturbation": "TFC1",
            "level": np.ones(N_PAIRS, dtype=np.int32),
            "query_id": "q",
            "doc_id": "d",
            "logit_before": before,
            "logit_after": before + change,
            "competitor_logits": [
                list(rng.normal(size=5)) if one % 2 else [] for one in range(N_PAIRS)
            ],
        },
        schema_overrides={"competitor_logits": pl.List(pl.Float64)},
    )
    given = {
        "patch_effects": effects,
        "path_effects": paths,
        "receiver_effects": paths.clear(),
        "class_effects": effects.clear(),
        "diagnostic_scores": scores,
    }
    files = {}
    for name, frame in given.items():
        files[name] = [folder / f"{name}.parquet"]
        frame.write_parquet(files[name][0])
    return given, files


def summaries(script, folder, **more):
    given, files = made_up(folder, **more)
    names = ("patches", "path_patches", "patch_screen", "dose_scores")
    made = {name: folder / f"made_{name}.parquet" for name in names}
    script.main(files, made, SMALLEST, 0)
    return given, {name: pl.read_parquet(made[name]) for name in names}


def test_a_pair_that_does_not_change_at_all_is_in_no_mean_whatever_the_threshold(script, tmp_path):
    _, files = made_up(tmp_path, n_small=0)
    made = {name: tmp_path / name for name in ("patches", "path_patches", "patch_screen")}
    made["dose_scores"] = tmp_path / "doses"
    script.main(files, made, 0.0, 0)
    whole = {name: pl.read_parquet(made[name]) for name in ("patches", "path_patches")}
    for name in ("patch_effects", "path_effects"):
        frame = pl.read_parquet(files[name][0])
        still = frame.filter(pair=0).with_columns(
            pair=pl.lit(N_PAIRS, pl.Int32), logit_after="logit_before", logit="logit_before"
        )
        pl.concat([frame, still]).write_parquet(files[name][0])
    script.main(files, made, 0.0, 0)
    for name, expected in whole.items():
        found = pl.read_parquet(made[name])
        assert found["effect"].equals(expected["effect"])
        assert set(found["n_small"]) == {1}


def test_a_row_is_the_mean_over_the_pairs_that_change(script, tmp_path):
    given, made = summaries(script, tmp_path)
    assert len(made["patches"]) == N_LAYERS * N_HEADS
    p_values = []
    for row in made["patches"].iter_rows(named=True):
        own = given["patch_effects"].filter(layer=row["layer"], head=row["head"])
        before, after, logit = (
            own[one].to_numpy() for one in ("logit_before", "logit_after", "logit")
        )
        whole = after - before
        used = np.abs(whole) >= SMALLEST
        effects = ((logit - before) / whole)[used]
        estimates = ((own["estimate"].to_numpy() - before) / whole)[used]
        assert (row["n_pairs"], row["n_small"]) == (used.sum(), (~used).sum()) == (9, 3)
        assert row["effect"] == pytest.approx(effects.mean())
        assert row["estimated_effect"] == pytest.approx(estimates.mean())
        assert row["logit_change"] == pytest.approx((logit - before).mean())
        assert row["p_value"] == pytest.approx(ttest_1samp(effects, 0).pvalue)
        error = effects.std() / np.sqrt(len(effects))
        assert row["ci_low"] == pytest.approx(effects.mean() - 1.96 * error, abs=0.5 * error)
        assert row["ci_high"] == pytest.approx(effects.mean() + 1.96 * error, abs=0.5 * error)
        p_values.append(row["p_value"])
    found = made["patches"]["p_value_holm"].to_numpy()
    np.testing.assert_allclose(found, multipletests(p_values, method="holm")[1])
    best = made["patches"].sort("effect", descending=True).row(0, named=True)
    assert (best["layer"], best["head"]) == (1, 1)


def test_a_flip_is_another_rank_among_the_competitors(script, tmp_path):
    given, made = summaries(script, tmp_path)
    competitors = given["diagnostic_scores"]["competitor_logits"].to_list()
    rows = given["patch_effects"].filter(layer=2, head=0).iter_rows(named=True)
    flips = []
    for row in rows:
        others = np.array(competitors[row["pair"]])
        if len(others):
            flips.append((others > row["logit"]).sum() != (others > row["logit_before"]).sum())
    found = made["patches"].filter(layer=2, head=0)
    assert found["n_compared"].item() == len(flips) == N_PAIRS // 2
    assert found["flipped_percent"].item() == pytest.approx(100 * np.mean(flips))
    assert made["patches"]["flipped_percent"].max() > 0


def test_the_screen_is_judged_by_scipy(script, tmp_path):
    _, made = summaries(script, tmp_path)
    exact, estimated = (made["patches"][one].to_numpy() for one in ("effect", "estimated_effect"))
    row = made["patch_screen"].row(0, named=True)
    assert row["n_patches"] == len(exact)
    assert row["pearson"] == pytest.approx(pearsonr(exact, estimated).statistic)
    assert row["spearman"] == pytest.approx(spearmanr(exact, estimated).statistic)
    assert row["mean_absolute_error"] == pytest.approx(np.abs(exact - estimated).mean())
    top = [set(np.argsort(-np.abs(one))[:2]) for one in (exact, estimated)]
    assert row["top_shared_percent"] == pytest.approx(100 * len(top[0] & top[1]) / 2)


def test_paths_are_as_patches_and_doses_are_all_pairs(script, tmp_path):
    given, made = summaries(script, tmp_path)
    paths = made["path_patches"]
    assert paths["effect"].to_list() == made["patches"]["effect"].to_list()
    assert paths["receiver"].unique().to_list() == ["residual"]
    (dose,) = made["dose_scores"].iter_rows(named=True)
    change = given["diagnostic_scores"]["logit_after"] - given["diagnostic_scores"]["logit_before"]
    assert dose["n_pairs"] == N_PAIRS and dose["logit_change"] == pytest.approx(change.mean())
    assert dose["ci_low"] < change.mean() < dose["ci_high"]


def test_pairs_without_change_are_counted_and_leave_no_number(script, tmp_path):
    _, made = summaries(script, tmp_path, n_small=N_PAIRS)
    patches = made["patches"]
    assert set(patches["n_pairs"]) == {0} and set(patches["n_small"]) == {N_PAIRS}
    for column in ("effect", "ci_low", "p_value", "p_value_holm", "estimated_effect"):
        assert patches[column].null_count() == len(patches)
    assert patches["logit_change"].null_count() == 0
    _, made = summaries(script, tmp_path, n_small=N_PAIRS - 1)
    assert set(made["patches"]["n_pairs"]) == {1}
    assert made["patches"]["effect"].null_count() == 0
    assert made["patches"]["p_value"].null_count() == len(made["patches"])
