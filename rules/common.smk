"""
The checked configuration and the tables, which everything else reads.

Paths of results are relative to the working directory (--directory); paths of this repository are found from there.
"""

import os
import shlex
import signal
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.scheduling.job_scheduler import JobScheduler

if set("{}") & set(str(workflow.basedir)):
    raise WorkflowError(
        f"{workflow.basedir}: Snakemake fills in what stands in braces; move the repository to a path without"
    )

sys.path.insert(0, str(workflow.basedir))

from workflow_scripts.common import addresses
from workflow_scripts.common.files import digest, read_table
from workflow_scripts.common.fit_settings import fit_settings
from workflow_scripts.common.hashing import stable_hash
from workflow_scripts.common.code_dependencies import modules_of
from workflow_scripts.settings.configuration import mistakes
from workflow_scripts.settings.corpora import corpus_note, lock_of, species_in_use, table_path
from workflow_scripts.settings.custom_datasets import custom_files, custom_row
from workflow_scripts.settings.names import SPLITS, TASKS
from workflow_scripts.settings.patterns import matching

# Jobs run with the Python that runs Snakemake, or with the one of the rule's environment, which is activated before it.
os.environ.update(PATH=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))


# A profile or --resources says how many downloads run at a time; this holds where neither does, for NCBI's sake.
if "downloads" not in workflow.global_resources:
    workflow.register_resource("downloads", 4)

# In a job of a cluster. Slurm warns all its processes before the time is up, of which the training alone listens. And of
# small genomes or fits that share it the others go on where one fails: Snakemake does not tell it of --keep-going.
if workflow.remote_exec:
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    JobScheduler.keepgoing = property(lambda scheduler: True, lambda scheduler, value: None)


def repository(path):
    """A file of this repository as seen from the working directory, or the file of that name which lies there."""
    if Path(path).exists():
        return path
    return os.path.relpath(Path(workflow.basedir) / path)


def code(script, *others):
    """A script, with the modules of its stage that it imports, and other files, as a param of its rule.

    An edited one runs the jobs again, one touched or cloned anew does not.
    """
    folder = Path(workflow.basedir) / "workflow_scripts"
    files = [*modules_of(folder / script), *(folder / name for name in others)]
    return stable_hash(*(digest(path) for path in files))


def option(flag, *values):
    """The words of a command-line option, none where there is no value: an empty word would vanish in the shell."""
    words = [str(value) for value in values if value not in (None, "")]
    return [flag, *words] if words else []


def growing(amount):
    """A resource function: so much in the first attempt, twice as much in the second."""

    def resource(wildcards, attempt):
        return attempt * amount

    return resource


for section, table in [
    ("genomes", "corpus"),
    ("gue", "registry"),
    ("gue", "sources"),
    ("gue", "known_files"),
    ("gue", "candidates"),
    ("finetune", "hparams"),
    ("report", "paper_results"),
    ("report", "paper_models"),
]:
    if isinstance(config.get(section), dict) and isinstance(config[section].get(table), str):
        config[section][table] = repository(table_path(config[section][table]))

if found := mistakes(config):
    raise WorkflowError("\n".join(["The configuration has mistakes, nothing was started:", *found]))

SPECIES_TABLE = species_in_use(config["genomes"]["corpus"])
ROWS = read_table(SPECIES_TABLE)
SPECIES = {row["accession"]: row for row in ROWS if row["accession"]}
if len(SPECIES) < len(ROWS):
    logger.warning(
        f"{SPECIES_TABLE}: {len(ROWS) - len(SPECIES)} of {len(ROWS)} species have no assembly and are left out."
    )
# Jobs run `python -m workflow_scripts.<stage>.<script>`. What stands here is no param: it makes nothing run again.
# Threads that wait must not spin: where jobs share their cores that made a small training several times slower.
# Python must not import what lies in the working directory, such as a file select.py.
shell.prefix(
    "set -euo pipefail; export OMP_WAIT_POLICY=PASSIVE PYTHONSAFEPATH=1 "
    f"PYTHONPATH={shlex.quote(str(workflow.basedir))} SPECIES_TABLE={shlex.quote(str(SPECIES_TABLE))}; "
)
REGISTRY = {f"{row['task']}/{row['dataset']}": row for row in read_table(config["gue"]["registry"])}
REGISTRY |= {name: custom_row(name, custom) for name, custom in config["gue"]["custom"].items()}
CANDIDATES = read_table(config["gue"]["candidates"]) if config["gue"]["calibrate"] else []
# Candidates are fetched like other sources; as such no data set is built from them.
SOURCES = {f"peaks/{row['source']}": row | {"datasets": ""} for row in CANDIDATES}
SOURCES |= {row["source"]: row for row in read_table(config["gue"]["sources"])}
CUSTOM_TASKS = "|".join(REGISTRY[name]["task"] for name in config["gue"]["custom"]) or "(?!)"  # or none at all
DATASETS = matching(REGISTRY, config["gue"]["datasets"])
HPARAMS = read_table(config["finetune"]["hparams"])
# What the ids of tokens depend on beyond the stage.
TOKENIZERS = [f"common/{module}.py" for module in ("sequences", "kmer_tokenizers", "special_tokens", "chunk_reader")]
MODEL_FILES = [
    "config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
]


wildcard_constraints:
    accession=r"[A-Za-z0-9][A-Za-z0-9_.-]*",
    tokenizer=r"[A-Za-z0-9][A-Za-z0-9_.-]*",
    model=r"[A-Za-z0-9][A-Za-z0-9_.-]*",
    method=r"full|lora",
    task=r"[a-z_]+",
    dataset=r"[A-Za-z0-9][A-Za-z0-9_.-]*",
    source=r".+",
    candidate=r"[A-Za-z0-9][A-Za-z0-9_.-]*",
    seed=r"\d+",
