"""What a schema cannot see: keys that contradict each other, names that nobody defines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from relevance_neurons.attribution.methods import settings_of
from relevance_neurons.collections.grades import misfit
from relevance_neurons.collections.words import languages
from study.contents import FILES, Study, attributed, maps_of, named_collections, study_schemes
from study.head_schemes import contradictions_of_heads
from study.mechanism import contradictions_of_mechanism
from study.messages import suggestion
from study.methods import contradictions_of_methods, given_methods, method_settings, own_method
from study.ranker_shapes import too_long
from study.tokens import contradictions_of_tokens


def contradictions(config: Study, folder: Path) -> Iterator[str]:
    """Yield a message for each; ``folder`` is the study file's."""
    known, attributed_names = config["collections"], config["attribution"]["collections"]
    for key, names in named_collections(config):
        for name in names:
            if name not in known:
                yield (
                    f"{key}: collection {name!r} is not defined under collections"
                    f"{suggestion(name, known)}; defined are {', '.join(known)}"
                )
    outside = [
        name
        for name in config["ablation"].get("curves", {}).get("collections", [])
        if name not in config["ablation"]["collections"]
    ]
    if outside:
        yield (
            f"ablation.curves.collections: {outside[0]!r} is not one of ablation.collections; add "
            "it there, or leave it out here"
        )
    among_attributed = {
        "selection.outliers": config["selection"]["outliers"],
        "sensitivity.collections": config["sensitivity"].get("collections", []),
        "sanity.collection": [config["sanity"].get("collection", attributed_names[0])],
    }
    for key, names in among_attributed.items():
        for name in names:
            if name not in attributed_names:
                yield (
                    f"{key}: {name!r} is not one of attribution.collections; add it there, or "
                    "leave it out here"
                )
    for name, collection in known.items():
        yield from _contradictions_of_collection(name, collection, folder)
    for name in config["attribution"]["collections"]:
        if name in known and name not in dict(attributed(config)):
            yield (
                f"attribution.collections: {name} has judgments of none of the labels "
                f"{', '.join(config['attribution']['labels'])}; leave it out, or add a label"
            )
    yield from _contradictions_of_reranker(config["reranker"], folder)
    yield from too_long(config, folder)
    yield from _contradictions_of_measure(config)
    yield from contradictions_of_methods(config)
    if "tokens" in config:
        yield from contradictions_of_tokens(config)
    if "mechanism" in config:
        yield from contradictions_of_mechanism(config, folder)
    yield from _contradictions_of_schemes(config)
    yield from contradictions_of_heads(config, folder)
    yield from _contradictions_of_threshold(config)
    value = config["ablation"]["value"]
    if value in config["ablation"]["further"]:
        yield f"ablation.further: {value!r} is what ablation.value gives already; leave it out"
    yield from _contradictions_of_paths(config)


def _contradictions_of_paths(config: Study) -> Iterator[str]:
    """Of the study's own rule of the integral and of those of its variants."""
    variants = config["sensitivity"].get("variants", {})
    changes = {f"sensitivity.variants.{name}": keys for name, keys in variants.items()}
    yield from _unused_of_variants(config, changes)
    methods = config["attribution"].get("methods", {})
    changes |= {f"attribution.methods.{name}": keys for name, keys in methods.items()}
    for where, given in ({"attribution": {}} | changes).items():
        keys = config["attribution"] | given
        rule, points = keys["quadrature"], keys["n_points"]
        unused = "n_points" if rule == "adaptive" else "tolerance"
        if unused in given:
            yield (
                f"{where}.{unused}: {given[unused]} was found; {rule} does not use it, leave it out"
            )
        if rule == "simpson" and points % 2 == 0:
            yield f"{where}.n_points: {points} was found; simpson needs an odd number"


def _unused_of_variants(config: Study, variants: dict[str, dict]) -> Iterator[str]:
    """Of the keys of variants those that the study's own method does not read by any rule."""
    method = method_settings(config, own_method(config))["method"]
    for where, given in variants.items():
        for key in given:
            if not any(key in settings_of(method, rule) for rule in ("adaptive", "right")):
                yield f"{where}.{key}: {method} does not use it; leave it out"


def _contradictions_of_reranker(reranker: dict, folder: Path) -> Iterator[str]:
    if "finetune" in reranker and "relevant_index" in reranker:
        yield (
            "reranker.relevant_index: a ranker that is made here has its relevant logit at 1; "
            "leave the key out"
        )
    named = {"finetune.base": reranker.get("finetune", {}).get("base")} | reranker
    for key in ("model", "tokenizer", "finetune.base"):
        name = named.get(key) or ""
        path = folder / Path(name).expanduser()
        # No hub id has two slashes; a folder of the working directory is not the study file's.
        is_folder = name.startswith((".", "~", "/")) or name.count("/") > 1 or Path(name).is_dir()
        if name and is_folder and not path.is_dir():
            yield f"reranker.{key}: no folder {path}; paths are relative to the study file"


def _contradictions_of_threshold(config: Study) -> Iterator[str]:
    for name in config["attribution"]["collections"]:
        collection = config["collections"].get(name, {"non_relevant": [0]})
        if config["attribution"]["threshold"] == "auto" and not collection["non_relevant"]:
            yield (
                f"attribution.threshold: auto needs judged pairs of both labels, and {name} has no "
                "non_relevant grades; give a number"
            )


def _contradictions_of_schemes(config: Study) -> Iterator[str]:
    attributed_names = config["attribution"]["collections"]
    if not set(attributed_names) <= set(config["collections"]):
        return  # told already
    found = study_schemes(config)
    paper = {one.scheme for one in found if not one.own}
    own = {one.scheme for one in found if one.own}
    for name, keys in config["selection"]["schemes"].items():
        where = f"selection.schemes.{name}"
        if name in paper:
            yield f"{where}: the paper's schemes have one of this name; give another"
        if "heads" in keys:
            continue
        methods = keys.get("methods", [own_method(config)])
        unknown = [one for one in methods if one not in given_methods(config)]
        if unknown:
            known = given_methods(config)
            yield (
                f"{where}.methods: no method {unknown[0]!r}{suggestion(unknown[0], known)}; "
                f"attribution.methods has {', '.join(known)}"
            )
            continue
        for one in keys["collections"] if isinstance(keys["collections"], list) else ():
            if one not in attributed_names:
                yield (
                    f"{where}.collections: {one!r} is not one of attribution.collections; add it "
                    "there, or leave it out here"
                )
            for label in keys["labels"]:
                for method in methods if one in attributed_names else ():
                    if (one, label) not in maps_of(config, method):
                        yield (
                            f"{where}.collections: {one} is not attributed for the label {label} "
                            f"by {method}; leave one of them out"
                        )
        if name not in own:
            yield (
                f"{where}: no collection of {keys['collections']} is attributed for its labels; "
                "name others"
            )
    ablation = config["ablation"]
    named = {
        "schemes": ablation.get("schemes", []),
        "curves.schemes": ablation.get("curves", {}).get("schemes", []),
    }
    for key, names in named.items():
        for name in names:
            if name not in paper | own:
                yield (
                    f"ablation.{key}: no scheme {name!r}{suggestion(name, list(paper | own))}; "
                    f"the study has {', '.join(one.scheme for one in found)}"
                )


def _contradictions_of_measure(config: Study) -> Iterator[str]:
    measure = config["ablation"]["measure"]
    if measure == "nDCG@10":
        return  # looking another one up takes a second
    from relevance_neurons.ablation.measures import least_relevant, parse_measure
    from relevance_neurons.errors import UserError

    try:
        least = least_relevant(parse_measure(measure))
    except UserError as error:
        yield f"ablation.measure: {error}"
        return
    measured = {"ablation": config["ablation"], "evaluation": config["evaluation"]}
    for name in {name for keys in measured.values() for name in keys.get("collections", [])}:
        collection = config["collections"].get(name, {"relevant": [least]})
        if min(collection["relevant"]) < least:
            yield (
                f"ablation.measure: {measure} does not count grade {min(collection['relevant'])}, "
                f"which collections.{name} calls relevant; leave rel out: what `relevant` lists "
                "then counts"
            )


def _contradictions_of_collection(name: str, collection: dict, folder: Path) -> Iterator[str]:
    problem = misfit(collection["relevant"], collection["non_relevant"], collection["scale"])
    if problem:
        yield f"collections.{name}: {problem}"
    if collection["language"] not in languages():
        yield (
            f"collections.{name}.language: {collection['language']!r} was found"
            f"{suggestion(collection['language'], languages())}; allowed: {', '.join(languages())}"
        )
    if "run" in collection and not (folder / collection["run"]).is_file():
        yield f"collections.{name}.run: no file {folder / collection['run']}; a TREC run is needed"
    source = collection["source"]
    for key in FILES if source == "files" else ():
        if "obtain" not in collection and not (folder / collection[key]).is_file():
            yield (
                f"collections.{name}.{key}: no file {folder / collection[key]}; paths are "
                "relative to the study file"
            )
