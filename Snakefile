# Relevance Neurons: the map of the workflow. README.md tells what goes in and what comes out.
from snakemake.utils import min_version

min_version("9.14")


if not workflow.overwrite_configfiles:

    configfile: "config.yaml"


report: "rules/captions/workflow.rst"


include: "rules/common.smk"


container: container_image()


include: "rules/collections.smk"
include: "rules/reranker.smk"
include: "rules/attribution.smk"
include: "rules/selection.smk"
include: "rules/stability.smk"
include: "rules/ablation.smk"
include: "rules/sanity.smk"
include: "rules/report.smk"


localrules:
    all,


rule all:
    default_target: True
    input:
        "<results>/neurons.duckdb",
        rules.write_tables.output,
        rules.draw_figures.output,
