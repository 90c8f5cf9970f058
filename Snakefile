"""DNABERT-2 from raw genomes to the benchmark table.

Stages: genomes -> tokenizer -> pretrain -> gue -> finetune -> report, and studies; each is a target of its own name.
Configuration: config/config.yaml with overlays by --configfile. Run `make demo` for the whole in small.
"""

from snakemake.utils import min_version

# 9.27: the behaviour of re-runs and profiles that the tests rely on was checked with this version.
min_version("9.27")


configfile: f"{workflow.basedir}/config/config.yaml"


include: "rules/common.smk"
include: "rules/inputs.smk"


if "demo" in config:

    include: "rules/demo.smk"


include: "rules/genomes.smk"
include: "rules/tokenizer.smk"
include: "rules/studies.smk"
include: "rules/pretrain.smk"
include: "rules/gue.smk"
include: "rules/finetune.smk"
include: "rules/report.smk"


localrules:
    all,
    genomes,
    tokenizer,
    studies,
    pretrain,
    gue,
    finetune,
    gue_results,
    report,


rule all:
    """Everything: the report, and every model that is defined."""
    default_target: True
    input:
        rules.report.input,
        rules.pretrain.input,
