"""
Functions that rules call to look up their inputs, resources and params, stage by stage.

Each takes the wildcards of a job, or makes such a function. What they need beyond that stands in common.smk.
"""

import json
from types import SimpleNamespace

from workflow_scripts.common.plan import GZIP
from workflow_scripts.settings.pretrain import RUNNING
from workflow_scripts.common import bpe_memory

# ---- demo and genomes -----------------------------------------------------------------------------


def files_of(row):
    """The files of a genome of the species table that lies on this machine; none for one on the web.

    A folder that is not there has none: the download looks for the accession beside it.
    """
    url = addresses.folder_address(row.get("url", ""), config["genomes"]["mirror"])
    path = addresses.local_path(url) if url else None
    if path is None:
        return []
    if addresses.is_fasta(path):
        return [path]
    return [*addresses.assembly_files(path)] if "demo" in config or Path(path).is_dir() else []


def local_files(wildcards):
    return files_of(SPECIES[wildcards.accession])


def local_assembly(wildcards):
    """The files of a genome on this machine as inputs; ancient, because no one hashes gigabytes to see a mere touch."""
    return local_files(wildcards) if "demo" in config else ancient(local_files(wildcards))


def local_bytes(wildcards):
    """Their sizes, so that a file that has changed is fetched again; the demo's are made by the run itself."""
    if "demo" in config:
        return []
    return [Path(path).stat().st_size for path in local_files(wildcards) if Path(path).exists()]


def assembly_url(wildcards):
    return option("--url", SPECIES[wildcards.accession].get("url"))


def size_of(row):
    """Bases of a genome by the table or its file on this machine; where neither tells, as many as a mammal has."""
    if row.get("genome_size_bp"):
        return int(row["genome_size_bp"])
    for path in map(Path, files_of(row)[:1]):
        if path.exists():
            return round(path.stat().st_size / (GZIP if path.suffix in (".gz", ".bgz") else 1))
    return 3_000_000_000


# Here: when a dry run ends and tells its plan, the working directory is another again.
SIZES = {accession: size_of(row) for accession, row in SPECIES.items()}


def genome_size(wildcards):
    return SIZES[wildcards.accession]


def shared_job(small, large=None):
    """A group function: genomes below 20 million bases share a job, as many as the profile's group-components says.

    ``large`` is the group of the others, in which the jobs of one genome come together; without it each is alone.
    """

    def of_genome(wildcards):
        return small if genome_size(wildcards) < 20_000_000 else large

    return of_genome


def download_minutes(wildcards, attempt):
    """Five minutes, and what one megabyte a second takes for 0.285 bytes a base."""
    return attempt * (5 + genome_size(wildcards) * 285 // 1000 // 60_000_000)


def chunk_megabytes(wildcards, attempt):
    """What the largest contig needs is not known before; one byte per base of the genome covers most."""
    return attempt * (1000 + min(genome_size(wildcards) // 1_000_000, 7000))


def chunk_minutes(wildcards, attempt):
    return attempt * (3 + genome_size(wildcards) // 1_000_000_000 * 5)


def encoding_minutes(wildcards, attempt):
    """Two million bases a second, a tenth of what one core does."""
    return attempt * (5 + genome_size(wildcards) // (2_000_000 * 60))


def held_out_share(wildcards):
    """The share of a genome that validates: all of one that is held out whole."""
    validation = config["genomes"]["validation"]
    return 1 if wildcards.accession in validation["genomes"] else validation["fraction"]


def genomes_in_order():
    """What a choice over the corpus depends on of the species table."""
    return [f"{accession}={row['group']}" for accession, row in SPECIES.items()]


def group_caps():
    return [f"{name}={bases}" for name, bases in sorted(config["genomes"]["max_group_bases"].items())]


def intermediate(path):
    """Mark a file for removal once it is used, unless the configuration keeps it."""
    return path if config["genomes"]["keep_fasta"] else temp(path)


CHOSEN = (
    config["genomes"]["duplicates"] != "keep"
    or config["genomes"]["max_genome_bases"] > 0
    or bool(config["genomes"]["max_group_bases"])
)


# Where a genome's chunks go when they are cut: to their place, or where the corpus-wide choice finds them.
FIRST_CUT = "results/genomes/windows" if CHOSEN else "results/genomes/chunks"


# ---- tokenizer -----------------------------------------------------------------------------------


def tokenizer_settings(wildcards):
    return config["tokenizer"][wildcards.tokenizer]


def tokenizer_options(wildcards):
    """The settings of the tokenizer at hand as options of its training."""
    settings = {key: value for key, value in tokenizer_settings(wildcards).items() if key != "reverse_complement"}
    return [word for key in sorted(settings) for word in option(f"--{key.replace('_', '-')}", settings[key])]


def corpus_table(wildcards):
    """The table with the groups of the genomes, where the sample is limited by group; else training needs none."""
    return ["results/genomes/corpus.tsv"] if tokenizer_settings(wildcards).get("sample_group_bases") else []


def corpus_option(wildcards):
    return option("--corpus", *corpus_table(wildcards))


def training_memory(wildcards, attempt):
    """Megabytes for training the tokenizer, by the sizes of the genomes and the sample, and for the Snakemake of a job."""
    settings = tokenizer_settings(wildcards)
    bases = sum(SIZES.values())
    sampled = min(bases, settings.get("sample_bases") or bases)
    needed = bpe_memory.needed_bytes(sampled, settings.get("vocab_size", 0)) / 1e6
    return int(1.1 * needed) + attempt * 600


def encoding_options(wildcards):
    """What the tokens are, and which chunks are turned: options of the encoding."""
    settings = tokenizer_settings(wildcards)
    turned = option("--reverse-complement", settings.get("reverse_complement") or None)
    seed = option("--seed", config["seed"] if turned else None)
    return [*option("--kind", settings["kind"]), *option("--k", settings.get("k")), *turned, *seed]


# ---- pretrain ------------------------------------------------------------------------------------

# Settings that say how a model is trained, not what comes out. They are no params, so that they repeat no finished
# training: its jobs read them from here.
os.environ.update(
    PRETRAIN_RUNNING=json.dumps(
        {
            name: {key: value for key, value in model["training"].items() if key in RUNNING}
            for name, model in config["pretrain"].items()
        },
        sort_keys=True,
    )
)


def start_directory(wildcards):
    """The folder of the model that a further pre-training starts from, None for one that starts from nothing."""
    start = config["pretrain"][wildcards.model].get("from")
    return f"results/pretrain/{start}" if start in config["pretrain"] else start


def start_files(wildcards):
    start = start_directory(wildcards)
    return [f"{start}/{file}" for file in MODEL_FILES] if start else []


def start_option(wildcards):
    return option("--start", start_directory(wildcards))


def model_tokenizer(wildcards):
    """The tokenizer of a model; a further pre-training keeps the one of the model it starts from."""
    start = start_directory(wildcards)
    if start:
        return f"{start}/tokenizer.json"
    return f"results/tokenizer/{config['pretrain'][wildcards.model]['tokenizer']}/tokenizer.json"


def shard_place(wildcards):
    """What a model is trained on: the shard of its training sets, or the folder with those of the genomes."""
    model = config["pretrain"][wildcards.model]
    if model.get("data", "genomes") == "gue":
        return f"results/pretrain/training_sets/{wildcards.model}/train.npy"
    return f"results/tokenizer/{model['tokenizer']}/tokens"


def shards(suffix):
    """An input function: the files of all shards that a model is trained on."""

    def paths(wildcards):
        place = shard_place(wildcards)
        if place.endswith(".npy"):
            return [place.removesuffix(".npy") + suffix]
        return [f"{place}/{accession}{suffix}" for accession in SPECIES]

    return paths


def model_architecture(wildcards):
    return json.dumps(config["pretrain"][wildcards.model].get("architecture", {}), sort_keys=True)


def model_training(wildcards):
    """The settings that make a model what it is, as JSON."""
    training = config["pretrain"][wildcards.model]["training"]
    defining = {key: value for key, value in training.items() if key not in RUNNING}
    return json.dumps({**defining, "seed": config["seed"]}, sort_keys=True)


def model_nodes(wildcards):
    return config["pretrain"][wildcards.model].get("nodes", 1)


def node_gpus(wildcards):
    """GPUs of a job on each of its nodes."""
    return config["pretrain"][wildcards.model]["gpus"]


def model_gpus(wildcards):
    """GPUs of the whole job, on all its nodes."""
    return node_gpus(wildcards) * model_nodes(wildcards)


def model_processes(wildcards):
    """Processes of the whole job: one a GPU, or one a node without GPUs."""
    return max(node_gpus(wildcards), 1) * model_nodes(wildcards)


def slurm_options(wildcards):
    """A warning five minutes before the time is up; on several nodes, an equal share of the job on each of them."""
    options = ["--signal=USR1@300"]
    if model_nodes(wildcards) > 1:
        gpus = node_gpus(wildcards)
        options += [f"--ntasks-per-node={max(gpus, 1)}", *([f"--gpus-per-node={gpus}"] if gpus else [])]
    return " ".join(options)


def model_threads(wildcards):
    """Of each process that the job starts as a task: torchrun's processes share one task, srun's have their own."""
    return 8 * max(node_gpus(wildcards), 1) if model_nodes(wildcards) == 1 else 8


def on_several_nodes(value):
    """A resource function: ``value``, or what it gives, for a job on several nodes; unset on one."""

    def resource(wildcards):
        if model_nodes(wildcards) == 1:
            return None
        return value(wildcards) if callable(value) else value

    return resource


# ---- gue -----------------------------------------------------------------------------------------

# Data sets of classes; those of one's own may be of other problems.
AUDITED = [name for name in DATASETS if REGISTRY[name].get("problem", "classification") == "classification"]


def dataset_of(wildcards):
    return f"{wildcards.task}/{wildcards.dataset}"


def sources_of(wildcards):
    """The rows of the sources table that a data set is built from."""
    name = dataset_of(wildcards)
    return [row for row in SOURCES.values() if matching([name], row["datasets"].split())]


def source_path(wildcards, row):
    """Where a primary file of a data set lies; peaks are those drawn for it, where the configuration asks for a draw."""
    if config["gue"]["calibrate"] and row["role"] == "peaks":
        return f"results/gue/candidates/{wildcards.task}/{wildcards.dataset}.narrowPeak.gz"
    return f"results/gue/sources/{row['source']}"


def source_files(wildcards):
    return [source_path(wildcards, row) for row in sources_of(wildcards)]


def source_arguments(wildcards):
    """--source ROLE=PATH for each file; a file that stands for a class carries its label, ROLE:LABEL=PATH."""
    arguments = []
    for row in sources_of(wildcards):
        role = f"{row['role']}:{row['label']}" if row["label"] else row["role"]
        arguments += ["--source", f"{role}={source_path(wildcards, row)}"]
    return arguments


def candidates_of(wildcards):
    return [row["source"] for row in CANDIDATES if row["task"] == wildcards.task]


def candidate_peaks(wildcards):
    return [f"results/gue/sources/peaks/{candidate}" for candidate in candidates_of(wildcards)]


def candidate_scores(wildcards):
    folder = f"results/gue/candidates/{wildcards.task}/scores"
    return [f"{folder}/{candidate}.json" for candidate in candidates_of(wildcards)]


def candidate_genome(wildcards):
    """The genome of the first data set of a task, which is that of all."""
    first = SimpleNamespace(task=wildcards.task, dataset="0")
    return [source_path(first, row) for row in sources_of(first) if row["role"] == "genome"]


def local_source(wildcards):
    """A source that lies on this machine, so that it is tracked; none for one on the web."""
    path = addresses.local_path(SOURCES[wildcards.source]["url"])
    return [] if path is None else [path]


def source_url(wildcards):
    return SOURCES[wildcards.source]["url"]


def source_md5(wildcards):
    return option("--md5", SOURCES[wildcards.source]["md5"])


def published_place():
    """The folder or archive of the published files; an address stands for the archive that is fetched from it."""
    place = addresses.local_path(config["gue"]["published"])
    return "results/gue/published.archive" if place is None else place


def published_files(wildcards):
    """The published files of a data set in a folder, or the archive that holds them."""
    place = Path(published_place())
    if not place.is_dir():
        return [str(place)]
    folder = REGISTRY[dataset_of(wildcards)]["published_dir"]
    return sorted(str(path) for path in place.glob(f"**/{folder}/*.csv*"))


def dataset_length(wildcards):
    """The length that replaces the registry's for this task, if any."""
    return option("--length", config["gue"]["length"].get(wildcards.task))


def custom_dataset_files(wildcards):
    """The three files of a data set of the user's own."""
    folder = REGISTRY[dataset_of(wildcards)]["folder"]
    return [path for split in SPLITS for path in custom_files(folder, split)]


def custom_options(wildcards):
    """Where a data set of the user's own lies, and what its labels are."""
    row = REGISTRY[dataset_of(wildcards)]
    return [word for key in ("folder", "problem", "metric") for word in option(f"--{key}", row[key])]


def audit_of(wildcards):
    """The audit of a data set, where it has one: it tells of classes."""
    name = dataset_of(wildcards)
    return ancient(f"results/gue/{name}/audit.json") if name in AUDITED else []
