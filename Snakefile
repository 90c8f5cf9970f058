"""DNABERT-2 from raw genomes to the benchmark table.

Stages: genomes -> tokenizer -> pretrain -> gue -> finetune -> report, apply and studies; each is a target of its own name.
Configuration: config/config.yaml with overlays by --configfile. Run `make demo` for the whole in small.
"""

from snakemake.utils import min_version

# The oldest and the newest version of Snakemake that the tests passed with; a newer one gives a warning.
TESTED = ("9.27", "9.27.1")
min_version(TESTED[0])


configfile: f"{workflow.basedir}/config/config.yaml"


# Small genomes share a cluster job, one after the other: a profile that sets group_slot to 1 makes each group ask for
# what one of its jobs needs. Local: it does not limit how many such jobs run at a time.
resource_scopes:
    group_slot="local",


include: "rules/common.smk"


if "demo" in config:

    include: "rules/demo.smk"


include: "rules/genomes.smk"
include: "rules/tokenizer.smk"
include: "rules/pretrain.smk"
include: "rules/gue.smk"
include: "rules/finetune.smk"
include: "rules/apply.smk"
include: "rules/studies.smk"
include: "rules/report.smk"


localrules:
    all,
    genomes,
    lock_species,
    tokenizer,
    studies,
    pretrain,
    gue,
    finetune,
    apply,
    gue_results,
    report,


rule all:
    """Everything: the report, every model that is defined, without them if no run names one, and what is applied."""
    default_target: True
    input:
        rules.report.input,
        reporting.of_training(*rules.pretrain.input),
        rules.apply.input,


onstart:
    hooks.rest_between_jobs(workflow)
    hooks.stop_where_nothing_changed(workflow)
    jobs, in_doubt = hooks.jobs_to_run(workflow), hooks.jobs_in_doubt(workflow)
    if reason := start(plan, jobs, in_doubt, settings, hooks.run_facts(workflow)):
        raise WorkflowError(reason)


onerror:
    failures.say_again()
