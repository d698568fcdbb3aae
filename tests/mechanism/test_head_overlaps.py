"""What schemes share with the neurons of heads, against sets and scipy's hypergeometric."""

from __future__ import annotations

import polars as pl
import pytest
from scipy.stats import hypergeom

from workflow_scripts.mechanism import overlap_heads

COMPONENTS = ["query", "value"]
KIND = {"matching": "is_matching", "relevance": "is_relevance"}
COLUMNS = [
    *("scheme", "top_percent", "kind", "component", "n_scheme", "n_heads_neurons", "n_component"),
    *("shared", "expected", "expected_low", "expected_high", "p_value"),
]


def heads_table() -> pl.DataFrame:
    """3 layers of 4 heads of 5 neurons; two matching heads, no relevance head."""
    rows = [
        (
            layer,
            component,
            neuron,
            neuron // 5,
            (layer, neuron // 5) in [(0, 1), (2, 3)],
            False,
            1.0,
        )
        for layer in range(3)
        for component in COMPONENTS
        for neuron in range(20)
    ]
    names = ["layer", "component", "neuron", "head", *KIND.values(), "share"]
    return pl.DataFrame(rows, names, orient="row")


def schemes_table(heads: pl.DataFrame) -> pl.DataFrame:
    """One that picks values alone, and neurons that are no attention's; another at two levels."""
    some = {
        ("F_all", 1.0): heads.filter(component="value").sample(12, seed=1),
        ("P_a", 1.0): heads.sample(9, seed=2),
        ("P_a", 10.0): heads.sample(40, seed=2),
    }
    names = ["layer", "component", "neuron"]
    parts = [
        one.select(
            pl.lit(scheme).alias("scheme"),
            pl.lit(level).alias("top_percent"),
            *names,
            pl.lit(0.5).alias("score"),
        )
        for (scheme, level), one in some.items()
    ]
    elsewhere = parts[0].with_columns(component=pl.lit("intermediate"))
    return pl.concat([*parts, elsewhere])


@pytest.fixture
def found(tmp_path) -> pl.DataFrame:
    heads = heads_table()
    heads.write_parquet(tmp_path / "heads.parquet")
    schemes_table(heads).write_parquet(tmp_path / "schemes.parquet")
    made = tmp_path / "made.parquet"
    overlap_heads.main(
        str(tmp_path / "schemes.parquet"), str(tmp_path / "heads.parquet"), str(made)
    )
    return pl.read_parquet(made)


def test_counts_are_those_of_sets(found):
    assert found.columns == COLUMNS and len(found) == 3 * 2 * 2
    heads = heads_table()
    schemes = schemes_table(heads)
    for row in found.iter_rows(named=True):
        of = heads.filter(component=row["component"])
        theirs = set(of.filter(pl.col(KIND[row["kind"]])).select("layer", "neuron").rows())
        picked = schemes.filter(
            scheme=row["scheme"], top_percent=row["top_percent"], component=row["component"]
        )
        own = set(picked.select("layer", "neuron").rows())
        counts = [row[name] for name in ("n_scheme", "n_heads_neurons", "n_component", "shared")]
        assert counts == [len(own), len(theirs), 60, len(own & theirs)]
        assert row["expected"] == pytest.approx(len(own) * len(theirs) / 60)
    assert found["shared"].max() > 0


def test_schemes_of_heads_are_left_out(found, tmp_path):
    """They have no score; what a head shares with itself would be a finding at every level."""
    files = [tmp_path / f"{name}.parquet" for name in ("schemes", "heads", "again")]
    schemes = pl.read_parquet(files[0])
    own = heads_table().filter("is_matching", component="value")
    added = own.select(
        pl.lit("matching").alias("scheme"),
        pl.lit(10.0).alias("top_percent"),
        *("layer", "component", "neuron"),
        pl.lit(None, pl.Float64).alias("score"),
    )
    pl.concat([schemes, added]).write_parquet(files[0])
    overlap_heads.main(*map(str, files))
    assert pl.read_parquet(files[2]).equals(found)


def test_chance_is_hypergeometric(found):
    told = found.filter(pl.col("p_value").is_not_null())
    assert len(told) == 5
    for row in told.iter_rows(named=True):
        law = hypergeom(row["n_component"], row["n_heads_neurons"], row["n_scheme"])
        assert row["p_value"] == pytest.approx(law.sf(row["shared"] - 1))
        assert [row["expected_low"], row["expected_high"]] == list(law.ppf([0.025, 0.975]))
        assert row["expected"] == pytest.approx(law.mean())


def test_without_neurons_to_share_there_is_no_chance(found):
    """No relevance heads, and a scheme without queries: counts of 0, and nulls beside them."""
    none = found.filter((pl.col("n_scheme") == 0) | (pl.col("n_heads_neurons") == 0))
    assert len(none) == 7 and none["shared"].sum() == 0
    nulls = none.select("expected_low", "expected_high", "p_value")
    assert nulls.null_count().row(0) == (7, 7, 7)
