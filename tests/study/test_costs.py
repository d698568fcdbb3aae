"""What a study of files is said to cost is what the files have."""

import gzip

import pytest

from study.costs import Collection, attributed, disk, kept_pairs, read_collection, stages
from study.job_sizes import n_passes
from study.ranker_shapes import Shape, pair_flops
from study.reading import read_study
from toys.studies import SCHEMA, write_study


def _keys(folder, ending=""):
    texts = {
        "docs.tsv": "".join(f"d{n}\t{'word ' * 20}\n" for n in range(40)),
        "queries.tsv": "q1\twing lift\nq2\tlift\n",
        "qrels.txt": "q1 0 d1 1\nq1 0 d2 0\nq2 0 d3 1\nq2 0 d4 2\n",
    }
    for name, text in texts.items():
        (folder / f"{name}{ending}").write_bytes(
            gzip.compress(text.encode()) if ending else text.encode()
        )
    names = dict(zip(("documents", "queries", "qrels"), texts, strict=True))
    return {"source": "files"} | {
        key: str(folder / f"{name}{ending}") for key, name in names.items()
    }


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_files_are_counted(tmp_path, ending):
    found = read_collection("mine", _keys(tmp_path, ending), 512)
    assert found.grades == {1: 2, 0: 1, 2: 1} and not found.is_catalogue
    assert found.n_documents in (40, 41) and found.n_queries in (2, 3)
    assert found.text_bytes == pytest.approx(40 * 104, rel=0.2)


def test_docstrings_have_a_relevant_passage_a_query():
    keys = {"source": "docstrings", "max_queries": 40, "negatives": 5}
    found = read_collection("np", keys | {"relevant": [1], "non_relevant": [0]}, 512)
    assert (found.n_queries, found.grades) == (40, {1: 40, 0: 200})


def test_each_method_has_its_stage(tmp_path):
    methods = {"neuron_integrated_gradients": {}, "gradient_x_activation": {}}
    study = read_study(write_study(tmp_path, **{"attribution.methods": methods}), SCHEMA)
    size = Collection(100, 10, {0: 50, 1: 40}, 30, 6e4, False)
    sizes, shape = dict.fromkeys(study["collections"], size), Shape(2, 16, 32)
    found = {stage.name: stage for stage in stages(study, sizes, shape)}
    kept = sum(kept_pairs(study, sizes, *one) for one in attributed(study))
    for name in methods:
        stage = found[f"attribute by {name}"]
        assert stage.passes == pytest.approx(kept * n_passes(study, name))
        assert stage.flops == pytest.approx(1.06 * stage.passes * pair_flops(shape, 30, True))
    assert disk(study, sizes, shape)["BM25 indexes"] == pytest.approx(1.9 * 6e4)
