# Relevance Neurons: the map of the workflow. docs/index.md tells what goes in and what comes out.
from snakemake.utils import min_version

min_version("9.14")


report: "rules/captions/workflow.rst"


include: "rules/common.smk"


if not workflow.overwrite_configfiles:

    configfile: str(STUDY_FILE)


container: container_image()


include: f"{RULES}/collections.smk"
include: f"{RULES}/reranker.smk"
include: f"{RULES}/attribution.smk"
include: f"{RULES}/selection.smk"
include: f"{RULES}/stability.smk"
include: f"{RULES}/ablation.smk"
include: f"{RULES}/sanity.smk"
include: f"{RULES}/tokens.smk"
include: f"{RULES}/mechanism.smk"
include: f"{RULES}/report.smk"


localrules:
    all,
    tokens,
    mechanism,


rule all:
    default_target: True
    input:
        "<results>/neurons.duckdb",
        "<results>/explorer.html",
        rules.write_tables.output,
        rules.draw_figures.output,
        TOKEN_RESULTS,
        MECHANISM_RESULTS,


rule tokens:
    input:
        token_target,


rule mechanism:
    input:
        mechanism_target,
