# The study file, checked and completed, and the functions with which rules look things up in it.
import os
import re
import sys
from pathlib import Path

from snakemake.logging import logger
from snakemake.settings.types import DeploymentMethod

SCRIPTS = Path(workflow.basedir) / "workflow_scripts"
sys.path.insert(0, str(SCRIPTS))
from relevance_neurons.rankers.components import COMPONENTS
from study.batches import (
    WHOLE_RANKER,
    batches,
    batches_on,
    curve_levels,
    groups,
    head_groups,
    levels,
    selections,
)
from study.contents import (
    FILES,
    ablated_schemes,
    attributed,
    figure4_scheme,
    maps,
    maps_of,
    source_settings,
    study_schemes,
    used_collections,
)
from study.job_sizes import (
    LIGHT_MINUTES,
    MOST_POINTS,
    START_MINUTES,
    Needs,
    ablation_shards,
    attribution_shards,
    growing,
)
from study.errors import StudyError
from study.failures import reasons_of_failure
from study.mechanism_sizes import MechanismNeeds, patch_shards
from study.methods import (
    at_method,
    given_methods,
    is_within_query,
    method_settings,
    own_method,
)
from study.paths import check_checkout, check_for_slurm, for_shell, literal, ranker_files
from study.reading import read_study
from study.results_folder import record_study_file
from study.search_path import look_first_in
from study.token_sizes import TokenNeeds, ranked_token_shards, token_shards
from study.tokens import token_methods
from study.which_study import chosen_file, notes

# With --profile slurm, jobs wait to be submitted while Slurm's controller is away.
look_first_in(Path(workflow.basedir) / "slurm" / "bin")


def find_library():
    """Have every job find the library, also where it is not installed: that of this clone."""
    if DeploymentMethod.CONDA in workflow.deployment_settings.deployment_method:
        # Snakemake keeps the whole variable away from conda's environments: here what is the user's.
        os.environ.pop("PYTHONPATH", None)
        workflow.deployment_settings.conda_not_block_search_path_envvars = True
    look_first_in(SCRIPTS, "PYTHONPATH")
    look_first_in(SCRIPTS, "APPTAINERENV_PYTHONPATH")  # in a container also with --cleanenv


find_library()

# Raise one of these when a change of the code changes the numbers of a costly stage: its jobs then
# run again (an edit of a library module alone triggers nothing).
VERSIONS = {
    "collections": 3,
    "training": 1,
    "pairs": 3,
    "attribution": 2,
    "ablation": 4,
    "effects": 2,
    "sanity": 1,
    "tokens": 1,
    "token_summaries": 1,
    "mechanism": 1,
    "mechanism_summaries": 1,
}


def stop(error):
    """End Snakemake with one line; an exception of its own has file and line of the rules in it."""
    raise SystemExit(f"Error: {error}")


def whole_study():
    """The study with its defaults, and with what --config says; and the file that it is from."""
    checkout = Path(workflow.basedir)
    schema = checkout / "rules" / "schemas" / "study.schema.yaml"
    try:
        check_checkout(checkout)
        file = chosen_file(workflow.overwrite_configfiles, checkout)
        return read_study(file, schema, workflow.config_settings.config_args or ()), file
    except StudyError as error:
        stop(error)


def rules_folder():
    """The folder of the rules, by a path that has no characters which Snakemake would interpret."""
    try:
        return literal(Path(workflow.basedir) / "rules", workflow.sourcecache.cache_path / "links")
    except StudyError as error:
        stop(error)


def tell_study():
    """Say which study is read, and what could be taken for it."""
    logger.info(f"Study {STUDY['study']}: {STUDY_FILE}; results: {Path(RESULTS).resolve()}")
    for note in notes(STUDY, STUDY_FILE, bool(workflow.overwrite_configfiles)):
        logger.warning(note)


def begin():
    """Before the first job: see that Slurm can take the paths, and note whose the results are."""
    if workflow.executor_plugin.name == "slurm":
        try:
            inputs = [path for job in workflow.dag.jobs for path in job.input]
            check_for_slurm(workflow.basedir, Path.cwd(), STUDY_FILE, sys.prefix, *inputs)
        except StudyError as error:
            stop(error)
    record_study_file(Path(RESULTS), STUDY_FILE)


def tell_reasons(logs):
    """Say why jobs failed after all else: Snakemake's own lines hide the one that tells it."""
    for reason in reasons_of_failure(logs):
        logger.error(reason)


def container_image():
    """The image that jobs run in with --sdm apptainer, which `make container` builds; else none."""
    if DeploymentMethod.APPTAINER not in workflow.deployment_settings.deployment_method:
        return None
    image = Path(workflow.basedir) / "relevance-neurons.sif"
    if not image.is_file():
        stop(
            f"--sdm apptainer: no image {image}; `make container` builds it, where Apptainer is "
            "installed and there is a network"
        )
    if " " in str(image):
        stop(f"--sdm apptainer: {image} has a space in its path; rename the folder")
    return str(image)


# Snakemake gives the program's path to a shell as it is.
sys.executable = for_shell(sys.executable)

STUDY, STUDY_FILE = whole_study()
RULES = rules_folder()
RESULTS = f"results/{STUDY['study']}"
NEEDS = Needs(STUDY)

if workflow.is_main_process:
    tell_study()


onstart:
    begin()


onerror:
    tell_reasons(log)


pathvars:
    results=RESULTS,
    logs=f"{RESULTS}/logs",
    benchmarks=f"{RESULTS}/benchmarks",


wildcard_constraints:
    collection="|".join(STUDY["collections"]),
    label="relevant|non_relevant|difference",
    # Empty for the study's own method; Snakemake takes an empty pattern for none.
    at_method=f"(?:{'|'.join(at_method(STUDY, name) for name in given_methods(STUDY))})",
    shard=r"\d+",


def collection_keys(wildcards):
    """The study's entry of a collection."""
    return STUDY["collections"][wildcards.collection]


def collection_source(wildcards):
    """Where a collection comes from.

    How to obtain its files is said only while one is missing: new words are no reason to prepare
    the collection again.
    """
    settings = source_settings(STUDY, wildcards.collection)
    there = all(Path(settings[key]).is_file() for key in FILES if key in settings)
    return {key: value for key, value in settings.items() if key != "obtain" or not there}


def source_files(wildcards):
    """The user's own files of a collection: a change of one prepares it anew."""
    return SOURCE_FILES[wildcards.collection]


def files_of(keys):
    """Those of a collection's entry; one that is still to be obtained is no input.

    So the graph can be seen without it; the job then says how to get it.
    """
    return [literal(keys[key]) for key in FILES if key in keys and Path(keys[key]).is_file()]


def grades(wildcards):
    """The grades of each label of a collection."""
    return label_grades(wildcards.collection)


def label_grades(collection):
    """The same, by the collection's name."""
    keys = STUDY["collections"][collection]
    return {label: keys[label] for label in ("relevant", "non_relevant")}


def pair_settings():
    """Which judged pairs are kept, and how many."""
    names = ("labels", "max_pairs", "keep", "threshold")
    return {name: STUDY["attribution"][name] for name in names} | {"seed": STUDY["seed"]}


def judgment_settings(wildcards):
    """What the judgments of a collection mean, and documents that are queries: see prepare."""
    names = ("relevant", "non_relevant", "scale", "own_document")
    return {name: collection_keys(wildcards)[name] for name in names}


def bm25_settings(wildcards):
    """The arguments of Bm25; a run of the user's own depends on none of it."""
    if wildcards.collection in OWN_RUNS:
        return {}
    return STUDY["ablation"]["bm25"] | {"language": collection_keys(wildcards)["language"]}


def first_stage(wildcards):
    """What finds a collection's passages: a run of the user's own, else BM25's index."""
    if wildcards.collection in OWN_RUNS:
        return {"own_run": OWN_RUNS[wildcards.collection]}
    return {"index": f"{RESULTS}/indexes/{wildcards.collection}"}


def measure_settings(**more):
    """The measure, and what ambiguous passages count as in it."""
    return {name: STUDY["ablation"][name] for name in ("measure", "ambiguous")} | more


def collection_labels(wildcards):
    """The labels that a collection is attributed for."""
    return labels_of(wildcards.collection)


def labels_of(name):
    """The same, by the collection's name."""
    return [label for collection, label in attributed(STUDY) if collection == name]


def relevant_grades(wildcards):
    """The grades of a collection that are relevant."""
    return collection_keys(wildcards)["relevant"]


def candidate_settings(wildcards):
    """The arguments of draw_candidates."""
    keys = STUDY["ablation"]
    return {
        "relevant_grades": relevant_grades(wildcards),
        "n_candidates": keys["candidates"],
        "max_queries": keys["max_queries"],
        "seed": STUDY["seed"],
    }


def path_settings(**changes):
    """What decides a pair's scores by the study's own method; in sensitivity with changes."""
    return arguments(method_settings(STUDY, own_method(STUDY), **changes))


def arguments(settings):
    """A method's settings as attribute takes them; its default goes without saying, as it did."""
    unsaid = {"method": "neuron_integrated_gradients"}.items()
    return {
        key: value
        for key, value in settings.items()
        if (key, value) not in unsaid and key not in ("passages", "screen")
    }


def resampling_settings():
    """How often the pairs of a map are drawn again."""
    names = ("bootstrap_replicates", "split_halves")
    return {name: STUDY["attribution"][name] for name in names} | {"seed": STUDY["seed"]}


def attribution_settings():
    """The arguments of attribute, for the study's own method."""
    return path_settings() | resampling_settings()


def map_method(wildcards):
    """The name of a map's method; variants are of the study's own."""
    return METHODS[wildcards.get("at_method", "")]


def map_pairs(wildcards):
    """Which pairs a map is made from, and how many."""
    settings = method_settings(STUDY, map_method(wildcards))
    return {
        "passages": settings.get("passages"),
        "most_pairs": STUDY["attribution"]["max_pairs"],
    }


def map_shards(wildcards):
    """The number of jobs that share the pairs of a map."""
    return attribution_shards(STUDY, map_method(wildcards))


def shard_runtime(wildcards, attempt):
    """Minutes, twice as many with every retry."""
    return growing(NEEDS.shard_minutes(map_method(wildcards)))(wildcards, attempt)


def map_shard_files(kind):
    """A function that lists the shards of a map: its sums, or its checks."""

    def files(wildcards):
        folder = f"{RESULTS}/shards/{kind}/{wildcards.collection}"
        name = f"{wildcards.label}{wildcards.at_method}"
        return [f"{folder}/{name}/{k}.parquet" for k in range(map_shards(wildcards))]

    return files


def map_settings(wildcards):
    """The arguments of attribute for a map of any method."""
    settings = method_settings(STUDY, map_method(wildcards))
    kinds = {"token_kinds": True} if has_kinds(settings) else {}
    return arguments(settings) | resampling_settings() | kinds


def has_kinds(settings):
    """Whether a method's scores are kept apart by kind of token."""
    return "tokens" in STUDY and settings["method"] == "neuron_integrated_gradients"


def method_files(wildcards):
    """What a map's job reads beside the pairs of its label.

    Means to put in a neuron's place, the scores that choose what is tried, the passages of whole
    queries.
    """
    settings = method_settings(STUDY, map_method(wildcards))
    found = {}
    if settings.get("reference") == "mean":
        found["activations"] = f"{RESULTS}/activations.parquet"
    if "screen" in settings:
        screen = f"{wildcards.label}{at_method(STUDY, settings['screen'])}"
        found["screen"] = f"{RESULTS}/neuron_scores/{wildcards.collection}/{screen}.parquet"
    if is_within_query(settings):
        found["qrels"] = f"{RESULTS}/collections/{wildcards.collection}/qrels.parquet"
    if settings.get("passages") == "pool":
        found["candidates"] = f"{RESULTS}/candidates/{wildcards.collection}.parquet"
    return found


def variant_settings(wildcards):
    """The arguments of attribute for a variant, whose mean scores alone are wanted."""
    return path_settings(**STUDY["sensitivity"]["variants"][wildcards.variant])


def reranker_settings():
    """The arguments of load_reranker."""
    keys = STUDY["reranker"]
    settings = {
        key: keys[key]
        for key in ("tokenizer", "max_length", "dtype", "batch_tokens")
        if key in keys
    }
    if "relevant_index" in keys:
        settings["relevant"] = keys["relevant_index"]
    return {"model": keys.get("model", f"{RESULTS}/reranker")} | settings


def reranker_files():
    """The files of the ranker, or its folder if it is made here, and of a tokenizer of its own."""
    keys = STUDY["reranker"]
    ranker = [f"{RESULTS}/reranker"] if "finetune" in keys else ranker_files(keys["model"])
    return ranker + (ranker_files(keys["tokenizer"]) if "tokenizer" in keys else [])


def base_files():
    """The files of the model that the ranker is made from, where that is a folder."""
    return ranker_files(STUDY["reranker"].get("finetune", {}).get("base", ""))


# At once: Snakemake sees no link that is made while it looks at the files.
SOURCE_FILES = {name: files_of(keys) for name, keys in STUDY["collections"].items()}
OWN_RUNS = {
    name: literal(keys["run"]) for name, keys in STUDY["collections"].items() if "run" in keys
}
RERANKER = reranker_settings()
RERANKER_FILES = reranker_files()
BASE_FILES = base_files()
DOMAINS = {
    name: STUDY["collections"][name]["domain"] for name in STUDY["attribution"]["collections"]
}
MAPS = maps(STUDY)
KIND_MAPS = [one for one in MAPS if has_kinds(method_settings(STUDY, one.method))]
METHODS = {at_method(STUDY, name): name for name in given_methods(STUDY)}
GROUPS = groups(STUDY)
HEAD_GROUPS = head_groups(STUDY)
LEVELS = levels(STUDY)
CURVE_LEVELS = curve_levels(STUDY)
BATCHES = {(batch.name, batch.level): batch for batch in batches(STUDY)}


def group_definitions(wildcards):
    """The schemes that are selected together, as SQL takes them."""
    return [scheme.as_dict() for scheme in GROUPS[wildcards.group]]


def group_heads(wildcards):
    """The heads of a scheme, or their kind, as the study has them."""
    return HEAD_GROUPS[wildcards.group].as_dict()["heads"]


def group_maps(wildcards):
    """The maps of the methods that a group's schemes name: another method selects none again."""
    named = {method for scheme in GROUPS[wildcards.group] for method in scheme.methods}
    return [file for file, one in zip(NEURON_SCORES, MAPS) if one.method in named]


def batch_of(wildcards):
    """The schemes that are ablated together."""
    return BATCHES[wildcards.batch, wildcards.top_percent]


def batch_schemes(wildcards):
    """Their names."""
    return batch_of(wildcards).schemes


def batch_shards(wildcards):
    """The number of jobs that share the passages."""
    return ablation_shards(STUDY, batch_of(wildcards))


def batch_settings(wildcards):
    """What is done with every scheme; the whole ranker depends on none of it."""
    batch = batch_of(wildcards)
    if batch == WHOLE_RANKER:
        return {}
    own = {"kinds": batch.kinds, "random_draws": batch.draws}
    return own | {"value": STUDY["ablation"]["value"], "seed": STUDY["seed"]}


def batch_runtime(wildcards, attempt):
    """Minutes, twice as many with every retry."""
    return growing(NEEDS.batch_minutes(batch_of(wildcards)))(wildcards, attempt)


def selection_files(wildcards):
    """The selected neurons and what all give on average; the whole ranker needs neither."""
    batch = batch_of(wildcards)
    if batch == WHOLE_RANKER:
        return {}
    return {
        "selected": [
            f"{RESULTS}/selections/{group}/{batch.level}.parquet" for group in batch.groups
        ],
        "activations": f"{RESULTS}/activations.parquet",
    }


def ranking_shards(wildcards):
    """The rankings of a collection: of every batch that its passages are ranked under."""
    return [
        f"{RESULTS}/shards/rerankings/{wildcards.collection}/{batch.name}/{batch.level}/{shard}.parquet"
        for batch in batches_on(STUDY, wildcards.collection)
        for shard in range(ablation_shards(STUDY, batch))
    ]


# What the section tokens asks for; nothing in a study without it.
TOKENS = STUDY.get("tokens", {})
TOKEN_COLLECTIONS = TOKENS.get("collections", [])
TOKEN_METHODS = token_methods(STUDY) if TOKENS else {}
TOKEN_NEEDS = TokenNeeds(STUDY, NEEDS) if TOKENS else None


def token_target(wildcards):
    """What the target tokens asks for; a study without the section has nothing to make."""
    if not TOKENS:
        stop(f"{STUDY_FILE}: tokens: is missing; add the section, as in config.yaml")
    return TOKEN_RESULTS


def token_method_name(wildcards):
    """The study's name of a method of tokens; the best passages are scored by the first."""
    return wildcards.get("token_method", next(iter(TOKEN_METHODS)))


def token_method(wildcards):
    """The method of that name with what it reads."""
    return TOKEN_METHODS[token_method_name(wildcards)]


def token_statistics(wildcards):
    """What the noise is like, for a method that reads it."""
    keys = token_method(wildcards)
    if keys["method"] != "information_bottleneck" or keys.get("legacy"):
        return {}
    return {"statistics": f"{RESULTS}/token_statistics/{wildcards.collection}.parquet"}


def n_token_shards(wildcards):
    """Jobs that share the pairs of one collection and method."""
    return token_shards(STUDY, wildcards.token_method)


def token_shard_files(kind):
    """A function that lists the shards of a method's token scores, or of its checks."""

    def files(wildcards):
        folder = f"{RESULTS}/shards/{kind}/{wildcards.collection}/{wildcards.token_method}"
        return [f"{folder}/{shard}.parquet" for shard in range(n_token_shards(wildcards))]

    return files


def ranked_shard_files(wildcards):
    """The shards of the token scores of a collection's best passages."""
    folder = f"{RESULTS}/shards/ranked_token_scores/{wildcards.collection}"
    return [f"{folder}/{shard}.parquet" for shard in range(ranked_token_shards(STUDY))]


def token_shard_runtime(wildcards, attempt):
    """Minutes, twice as many with every retry."""
    return growing(TOKEN_NEEDS.shard_minutes(wildcards.token_method))(wildcards, attempt)


def language_of(wildcards):
    """The language that a collection's sentences are cut in."""
    return collection_keys(wildcards)["language"]


# What the section mechanism asks for; nothing in a study without it.
MECHANISM = STUDY.get("mechanism", {})
MECHANISM_COLLECTIONS = MECHANISM.get("collections", [])
MECHANISM_NEEDS = MechanismNeeds(STUDY, NEEDS) if MECHANISM else None


def wordnet_files(folder):
    """Those of WordNet's database that are there; the job says which is missing."""
    patterns = ("index.*", "data.*", "*.exc")
    return [literal(file) for one in patterns for file in sorted(Path(folder).glob(one))]


# A folder's own time stays as it was where one of its files changes: so each of WordNet's.
OWN_PAIR_FILES = {
    name: files(MECHANISM[name])
    for name, files in (("own_pairs", literal), ("wordnet", wordnet_files))
    if name in MECHANISM
}


def mechanism_target(wildcards):
    """What the target mechanism asks for; a study without the section has nothing to make."""
    if not MECHANISM:
        stop(f"{STUDY_FILE}: mechanism: is missing; add the section, as in config.yaml")
    return MECHANISM_RESULTS


def mechanism_settings(*names, **more):
    """Those of the section's keys that a script reads, and more of the study's."""
    return {name: MECHANISM[name] for name in names if name in MECHANISM} | more


def idf_settings(*names, **more):
    """The same, of its keys for inverse document frequency."""
    return {name: MECHANISM["idf"][name] for name in names} | more


def attention_settings(wildcards):
    """What the attention of heads is measured with, and what it has to surpass."""
    return MECHANISM["nulls"] | {
        "language": language_of(wildcards),
        "significance": STUDY["ablation"]["significance"],
        "seed": STUDY["seed"],
    }


def own_pair_files(wildcards):
    """WordNet's files, and for the first collection, with which they stand, the user's own pairs."""
    first = wildcards.collection == MECHANISM_COLLECTIONS[0]
    return {name: path for name, path in OWN_PAIR_FILES.items() if first or name != "own_pairs"}


def diagnostic_settings(wildcards):
    """What diagnostic pairs are made by, and from which files of the user's."""
    own = {name: MECHANISM[name] for name in own_pair_files(wildcards)}
    return mechanism_settings("pairs", "perturbations") | own


def patch_shard_files(kind):
    """A function that lists the shards of a collection's patches, of any of their tables."""

    def files(wildcards):
        folder = f"{RESULTS}/shards/{kind}/{wildcards.collection}"
        return [f"{folder}/{shard}.parquet" for shard in range(patch_shards(STUDY))]

    return files
