"""The configuration, checked as a whole before any job starts.

Each mistake is one line that names key or table row, the bad value and the remedy; all are reported at once.
"""

import difflib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from workflow_scripts.common.addresses import local_path
from workflow_scripts.common.errors import UserError
from workflow_scripts.common.files import numbered_rows, read_table
from workflow_scripts.settings.corpora import species_in_use
from workflow_scripts.settings.custom_datasets import custom_files
from workflow_scripts.settings.names import METRICS, SPLITS, TASKS
from workflow_scripts.settings.patterns import matching
from workflow_scripts.settings.tables import schema, schema_errors, table_errors

DRAWN = 5  # data sets of a binding task, which are drawn together
MODEL_KEYS = {  # what a model that is not trained here can be -> what may be said of it beside its settings
    "directory": ("kmer", "trust_remote_code", "released"),
    "hub": ("revision", "kmer", "trust_remote_code", "released"),
    "baseline": (),
}


def check(config: dict[str, Any]) -> list[str]:
    """All mistakes of a configuration with its tables, one line each; empty when it is sound.

    ``config`` holds paths of tables that can be opened from the working directory; genomes.corpus is one of them.
    """
    errors = list(schema_errors(config, schema("config"), "config"))
    if errors:
        return errors
    errors += genome_errors(config["genomes"])
    errors += table_errors(config["gue"]["registry"], "gue", ["task", "dataset"])
    errors += table_errors(config["gue"]["sources"], "gue_sources", ["source"])
    errors += table_errors(config["gue"]["candidates"], "gue_candidates", ["task", "source"])
    errors += table_errors(config["gue"]["known_files"], "gue_published", ["task", "dataset", "split"])
    errors += table_errors(config["finetune"]["hparams"], "finetune_hparams", ["family", "task", "dataset"])
    errors += pretrain_errors(config)
    errors += benchmark_errors(config)
    return errors


def genome_errors(genomes: dict[str, Any]) -> Iterator[str]:
    """Mistakes in the species table and its lock, and values that do not fit together or to them."""
    chunk = genomes["chunk"]
    if chunk["overlap"] >= chunk["length"]:
        yield f"config genomes.chunk.overlap: {chunk['overlap']} must be less than the length, {chunk['length']}"
    table, used = genomes["corpus"], species_in_use(genomes["corpus"])
    mistakes = [line for path in {table: None, used: None} for line in table_errors(path, "species", ["accession"])]
    yield from mistakes
    if mistakes:
        return
    rows = read_table(used)
    accessions = [row["accession"] for row in rows if row["accession"]]
    if not accessions:
        yield f"{used}: no row has an accession; 'snakemake lock_species' looks for assemblies by name"
    if used != table:
        yield from lock_errors(table, used)
    groups = {row["group"] for row in rows}
    for group in genomes["max_group_bases"]:
        if group not in groups:
            known = ", ".join(sorted(groups))
            yield f"config genomes.max_group_bases: no genome of {group!r} in {used}; it has {known}"
    for accession in genomes["validation"]["genomes"]:
        if accession not in accessions:
            yield f"config genomes.validation.genomes: no genome {accession!r} in {used}"


def lock_errors(table: str | Path, lock: str | Path) -> Iterator[str]:
    """One line when a lock is not of what its table says now: its species, their groups, and files of one's own."""

    def asked(row: dict[str, str], name: str) -> tuple:
        own = (row.get("url", ""), row.get("md5", "")) if status.get(name) == "local" else ()
        return (name, row["group"], *own)

    locked = read_table(lock)
    status = {row.get("requested"): row.get("status") for row in locked}
    wanted = [asked(row, row["accession"] or row.get("name") or row["organism"]) for row in read_table(table)]
    if wanted != [asked(row, row.get("requested")) for row in locked]:
        yield f"{lock}: is not of what {table} says now; delete it and run 'snakemake lock_species'"


def pretrain_errors(config: dict[str, Any]) -> Iterator[str]:
    """Values of the pre-trainings that do not fit together."""
    for name, model in config["pretrain"].items():
        place = f"config pretrain.{name}"
        yield from start_errors(config, name) if "from" in model else architecture_errors(config, name)
        training = model["training"]
        batch, micro = training.get("batch_size", 4096), training.get("micro_batch_size", 256)
        gpus = max(model["gpus"], 1) * model.get("nodes", 1)
        if batch % (gpus * micro):
            per_gpu = f" x {gpus} GPUs" if gpus > 1 else ""
            yield f"{place}.training: batch_size {batch} is not a multiple of micro_batch_size {micro}{per_gpu}"
        if training["warmup_steps"] > training["steps"]:
            yield f"{place}.training: warmup_steps {training['warmup_steps']} is more than steps {training['steps']}"
        length, bases = training.get("length", 128), config["genomes"]["chunk"]["length"]
        if "data" not in model and length - 2 > bases:
            yield f"{place}.training.length: {length} tokens do not fit chunks of {bases} bases (genomes.chunk.length)"


def architecture_errors(config: dict[str, Any], name: str) -> Iterator[str]:
    """Mistakes in the tokenizer and the sizes of a model that starts from nothing."""
    model, place = config["pretrain"][name], f"config pretrain.{name}"
    sizes = model["architecture"]
    if "data" in model:
        yield f"{place}.data: {model['data']!r} is for a model that goes on from another; add 'from' or leave it out"
    if model["tokenizer"] not in config["tokenizer"]:
        known = ", ".join(config["tokenizer"])
        yield f"{place}.tokenizer: no tokenizer {model['tokenizer']!r}; defined are {known}"
    if sizes["hidden_size"] % sizes["num_attention_heads"]:
        yield (
            f"{place}.architecture: hidden_size {sizes['hidden_size']} is not a multiple of "
            f"num_attention_heads {sizes['num_attention_heads']}"
        )


def start_errors(config: dict[str, Any], name: str) -> Iterator[str]:
    """Mistakes in the model that a further pre-training starts from, and what is said in vain beside it."""
    for key in ("tokenizer", "architecture"):
        if key in config["pretrain"][name]:
            yield f"config pretrain.{name}.{key}: it is that of the model named by 'from'; leave it out"
    chain = [name]
    while (start := config["pretrain"].get(chain[-1], {}).get("from")) is not None:
        if start in chain:
            yield f"config pretrain.{name}.from: {' from '.join([*chain, start])} goes in a circle"
            return
        chain.append(start)
    if chain[-1] not in config["pretrain"] and not (Path(chain[-1]) / "config.json").is_file():
        known = ", ".join(other for other in config["pretrain"] if other != name)
        yield f"config pretrain.{name}.from: no model {chain[-1]!r}, no directory with config.json; models are {known}"


def benchmark_errors(config: dict[str, Any]) -> Iterator[str]:
    """Data sets, models, methods and tasks that the configuration names but nothing defines."""
    try:
        names = [f"{row['task']}/{row['dataset']}" for _, row in numbered_rows(config["gue"]["registry"])]
    except (UserError, KeyError):
        return  # reported with the table
    gue, finetune = config["gue"], config["finetune"]
    names += gue["custom"]
    yield from custom_errors(gue)
    yield from model_errors(finetune)
    places = [("config gue.datasets", gue["datasets"])]
    places += [(f"config finetune.runs[{n}].datasets", run["datasets"]) for n, run in enumerate(finetune["runs"])]
    for place, patterns in places:
        for pattern in patterns:
            if not matching(names, [pattern]):
                close = difflib.get_close_matches(pattern, names, n=1)
                hint = f"did you mean {close[0]!r}?" if close else f"{gue['registry']} lists them"
                yield f"{place}: no data set {pattern!r}; {hint}"
    models = {**config["pretrain"], **finetune["models"]}
    for name in sorted(set(config["pretrain"]) & set(finetune["models"])):
        yield f"config finetune.models.{name}: the name is taken by pretrain.{name}; choose another"
    for number, run in enumerate(finetune["runs"]):
        for name in run["models"]:
            if name not in models:
                yield f"config finetune.runs[{number}].models: no model {name!r}; defined are {', '.join(models)}"
        if run["method"] not in finetune["methods"]:
            known = ", ".join(finetune["methods"])
            yield f"config finetune.runs[{number}].method: no method {run['method']!r}; known are {known}"
    custom = tuple(dict.fromkeys(name.split("/")[0] for name in gue["custom"]))
    for place, tasks, known in (
        ("gue.length", gue["length"], TASKS),
        ("finetune.tasks", finetune["tasks"], TASKS + custom),
    ):
        for task in tasks:
            if task not in known:
                yield f"config {place}: no task {task!r}; known are {', '.join(known)}"
    if gue["origin"] == "published":
        yield from published_errors(gue)
    if gue["calibrate"]:
        yield from calibration_errors(gue, matching(names, gue["datasets"]))


def calibration_errors(gue: dict[str, Any], names: list[str]) -> Iterator[str]:
    """A draw of peaks that has nothing to draw for, or too little to draw from."""
    if gue["origin"] == "published":
        yield "config gue.calibrate: true, but gue.origin is published; peaks are drawn for primary sources only"
    try:
        counts = Counter(row["task"] for row in read_table(gue["candidates"]))
    except (UserError, KeyError):
        return  # reported with the table
    for task, sets in Counter(name.split("/")[0] for name in names if name.startswith("tf_")).items():
        if counts[task] < DRAWN:
            yield (
                f"config gue.candidates: {counts[task]} of {task} in {gue['candidates']}, where {DRAWN} are drawn for "
                f"{sets} data sets; add some, or set gue.calibrate to false"
            )


def published_errors(gue: dict[str, Any]) -> Iterator[str]:
    """A place of the published files where there is nothing, or an address that cannot be trusted."""
    place = local_path(gue["published"])
    if place is None:
        if not gue["published"].startswith("https://"):
            yield f"config gue.published: {gue['published']!r} is neither a path nor an https:// address"
        if not gue["published_md5"]:
            yield f"config gue.published_md5: empty; give the md5 of {gue['published']}"
    elif not (place and Path(place).exists()):
        yield f"config gue.published: {gue['published']!r} is not there; name the folder or archive of the GUE files"
    if gue["origin"] == "published" and gue["split"] != "random":
        yield f"config gue.split: {gue['split']!r} deals out what is built here, not published files; leave it random"


def model_errors(finetune: dict[str, Any]) -> Iterator[str]:
    """Entries of models that are not one thing, say what has no meaning beside it, or point to nothing."""
    for name, model in finetune["models"].items():
        place = f"config finetune.models.{name}"
        kinds = [kind for kind in MODEL_KEYS if kind in model]
        if len(kinds) != 1:
            yield f"{place}: {' and '.join(kinds) or 'nothing'} where one of {', '.join(MODEL_KEYS)} belongs"
            continue
        for key in sorted(set(model) - {kinds[0], "settings", *MODEL_KEYS[kinds[0]]}):
            yield f"{place}.{key}: has no meaning beside {kinds[0]}; leave it out"
        if "hub" in model and "revision" not in model:
            yield f"{place}.revision: missing; give the commit of {model['hub']} that is meant"
        if "directory" in model and not (Path(model["directory"]) / "config.json").is_file():
            yield f"{place}.directory: no config.json in {model['directory']!r}"
    for number, run in enumerate(finetune["runs"]):
        for name in run["models"]:
            if run["method"] == "lora" and "baseline" in finetune["models"].get(name, {}):
                yield f"config finetune.runs[{number}]: {name} is a baseline, which lora does not fit; take method full"


def custom_errors(gue: dict[str, Any]) -> Iterator[str]:
    """Data sets of a user's own that take the name of a task of the benchmark, lack a file, or have a wrong metric."""
    for name, custom in gue["custom"].items():
        place = f"config gue.custom.{name}"
        if (task := name.split("/")[0]) in TASKS:
            yield f"{place}: task {task!r} is one of GUE's; choose another name"
        problem = custom.get("problem", "classification")
        if "metric" in custom and custom["metric"] not in METRICS[problem]:
            yield f"{place}.metric: {custom['metric']} is not for {problem}, which has {', '.join(METRICS[problem])}"
        if missing := [f"{split}.csv" for split in SPLITS if not custom_files(custom["folder"], split)]:
            yield f"{place}.folder: no {', '.join(missing)} in {custom['folder']!r}"
