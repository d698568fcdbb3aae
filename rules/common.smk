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
from study.batches import WHOLE_RANKER, batches, groups, levels
from study.contents import (
    FILES,
    ablated_schemes,
    attributed,
    figure4_scheme,
    source_settings,
    study_schemes,
    used_collections,
)
from study.job_sizes import (
    LIGHT_MINUTES,
    MOST_POINTS,
    Needs,
    ablation_shards,
    attribution_shards,
    growing,
)
from study.errors import StudyError
from study.paths import check_checkout, check_for_slurm, for_shell, literal, ranker_files
from study.reading import read_study
from study.results_folder import record_study_file
from study.search_path import look_first_in
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
    "collections": 2,
    "training": 1,
    "pairs": 3,
    "attribution": 2,
    "ablation": 4,
    "effects": 2,
    "sanity": 1,
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
ATTRIBUTION_SHARDS = attribution_shards(STUDY)

if workflow.is_main_process:
    tell_study()


onstart:
    begin()


pathvars:
    results=RESULTS,
    logs=f"{RESULTS}/logs",
    benchmarks=f"{RESULTS}/benchmarks",


wildcard_constraints:
    collection="|".join(STUDY["collections"]),
    label="relevant|non_relevant",
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
    """What decides a pair's scores; of tolerance and n_points the one that the rule uses."""
    keys = STUDY["attribution"] | changes
    size = "tolerance" if keys["quadrature"] == "adaptive" else "n_points"
    return {name: keys[name] for name in ("baseline", "target", "quadrature", size)}


def attribution_settings():
    """The arguments of attribute."""
    names = ("bootstrap_replicates", "split_halves")
    resampling = {name: STUDY["attribution"][name] for name in names}
    return path_settings() | resampling | {"seed": STUDY["seed"]}


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
GROUPS = groups(STUDY)
LEVELS = levels(STUDY)
BATCHES = {(batch.name, batch.level): batch for batch in batches(STUDY)}


def group_definitions(wildcards):
    """The schemes that are selected together, as SQL takes them."""
    return [scheme.as_dict() for scheme in GROUPS[wildcards.group]]


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
    if batch_of(wildcards) == WHOLE_RANKER:
        return {}
    keys = ("value", "further", "random_draws")
    return {key: STUDY["ablation"][key] for key in keys} | {"seed": STUDY["seed"]}


def batch_runtime(wildcards, attempt):
    """Minutes, twice as many with every retry."""
    return growing(NEEDS.batch_minutes(batch_of(wildcards)))(wildcards, attempt)


def selection_files(wildcards):
    """The selected neurons and what all give on average; the whole ranker needs neither."""
    batch = batch_of(wildcards)
    if batch == WHOLE_RANKER:
        return {}
    return {
        "selected": f"{RESULTS}/selections/{batch.group}/{batch.level}.parquet",
        "activations": f"{RESULTS}/activations.parquet",
    }
