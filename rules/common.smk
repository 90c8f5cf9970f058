"""
The checked configuration, and one object a stage that the rules ask for inputs, params, resources and groups. Paths of
results are relative to the working directory (--directory), those of the repository to its own folder.
"""

import os
import shlex
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

if set("{}") & set(str(workflow.basedir)):
    raise WorkflowError(f"{workflow.basedir}: Snakemake fills in what is in braces; move the repository")

sys.path.insert(0, str(workflow.basedir))

from workflow_scripts.common import snakemake_hooks as hooks
from workflow_scripts.dag.apply import Applying
from workflow_scripts.dag.code_dependencies import code
from workflow_scripts.dag.failures import Failures
from workflow_scripts.dag.finetune import Finetuning
from workflow_scripts.dag.genomes import Genomes
from workflow_scripts.dag.gue import Gue
from workflow_scripts.dag.plan import Plan
from workflow_scripts.dag.pretrain import Pretraining
from workflow_scripts.dag.report import Reporting
from workflow_scripts.dag.rule_values import growing
from workflow_scripts.dag.start import start
from workflow_scripts.dag.studies import Studying
from workflow_scripts.dag.tables import resolve_tables
from workflow_scripts.dag.tokenizer import Tokenizers
from workflow_scripts.dag.user_inputs import input_mistakes
from workflow_scripts.settings.configuration import Configuration, mistakes

hooks.check_version(workflow, newest=TESTED[1])
resolve_tables(config, Path(workflow.basedir))
if lines := mistakes(config):
    raise WorkflowError("\n".join(["The configuration has mistakes, nothing was started:", *lines]))

settings = Configuration.model_validate(config)
genomes = Genomes(settings)
tokenizers = Tokenizers(settings, genomes)
pretraining = Pretraining(settings, genomes)
gue = Gue(settings)
if lines := input_mistakes(settings, genomes, gue, logger.info):
    raise WorkflowError("\n".join(["Inputs have mistakes, nothing was started:", *lines]))
finetuning = Finetuning(settings, gue)
applying = Applying(settings, finetuning)
studying = Studying(settings, genomes, pretraining, finetuning)
reporting = Reporting(settings, pretraining, gue, finetuning, studying)
plan = Plan(genomes, pretraining, finetuning)
failures = Failures()

for warning in genomes.warnings:
    logger.warning(warning)

hooks.cap(workflow, "downloads", 4)  # unless a profile says how many run at a time: to be polite to NCBI
hooks.prepare_cluster_job(workflow)
hooks.report_failures(failures)
hooks.after_dry_run(workflow, lambda: plan.say(hooks.jobs_to_run(workflow), hooks.jobs_in_doubt(workflow)))

# Jobs run with the Python that runs Snakemake, or with that of the rule's environment, which is activated before it.
os.environ.update(PATH=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
# Waiting threads must not spin, which slows jobs that share cores. Python must not import from the working directory.
paths = f"PYTHONSAFEPATH=1 PYTHONPATH={shlex.quote(str(workflow.basedir))}"
shell.prefix(f"set -euo pipefail; export OMP_WAIT_POLICY=PASSIVE {paths}; ")


wildcard_constraints:
    accession=r"[A-Za-z0-9][A-Za-z0-9_.-]*",
    tokenizer=r"[A-Za-z0-9][A-Za-z0-9_.-]*",
    model=r"[A-Za-z0-9][A-Za-z0-9_.-]*",
    method=r"full|lora|probe|knn",
    task=r"[a-z0-9_]+",
    dataset=r"[A-Za-z0-9][A-Za-z0-9_.-]*",
    source=r".+",
    candidate=r"[A-Za-z0-9][A-Za-z0-9_.-]*",
    seed=r"\d+",
