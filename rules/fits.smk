"""
Which fits the configuration asks for, and what each of them and the report about them read, param by param.
"""

import snakemake

from workflow_scripts.common.plan import fit_flops

# ---- finetune ------------------------------------------------------------------------------------


# What a model directory may hold of what a fit reads.
READ_FILES = ["config.json", "*.safetensors", "pytorch_model*.bin", "tokenizer*.json", "vocab.txt"]


def model_directory(model):
    """The folder of a model: where it is trained, fetched or lies; None of a baseline."""
    if model in config["pretrain"]:
        return f"results/pretrain/{model}"
    entry = config["finetune"]["models"][model]
    return f"results/finetune/models/{model}" if "hub" in entry else entry.get("directory")


def model_files(wildcards):
    """The files that a fit reads of its model."""
    folder = model_directory(wildcards.model)
    if wildcards.model in config["pretrain"]:
        return [f"{folder}/{file}" for file in MODEL_FILES]
    if "hub" in config["finetune"]["models"][wildcards.model]:
        return [folder, f"{folder}.json"]
    return sorted(str(path) for pattern in READ_FILES for path in Path(folder).glob(pattern)) if folder else []


def model_spec(wildcards):
    """What a fit loads, as JSON: a directory and how it is read, or a baseline."""
    entry = config["finetune"]["models"].get(wildcards.model, {})
    spec = {key: entry[key] for key in ("kmer", "trust_remote_code", "baseline") if key in entry}
    if folder := model_directory(wildcards.model):
        spec["directory"] = folder
    return json.dumps(spec, sort_keys=True)


def hub_options(wildcards):
    """Where a model of the hub lies, and whether its code comes with it."""
    entry = config["finetune"]["models"][wildcards.model]
    code = ["--code"] if entry.get("trust_remote_code") else []
    return [*option("--hub", entry["hub"]), *option("--revision", entry["revision"]), *code]


def settings_of_fit(wildcards):
    """The settings of one fit as JSON; what another task's settings say does not change it."""
    dataset = REGISTRY[dataset_of(wildcards)]
    settings = fit_settings(config["finetune"], wildcards.model, wildcards.method, dataset, HPARAMS)
    return json.dumps(settings, sort_keys=True)


def fit_minutes(wildcards, attempt):
    """A quarter of an hour, and what a quarter of the speed takes that a GPU of the paper's pre-training had.

    262 billion tokens in 14 days on eight GPUs are 1.9e13 operations a second on each. A core is taken to do 1e11. Of
    models from elsewhere and data sets of a user's own the cost is not known.
    """
    flops = fit_flops(wildcards, config, REGISTRY, HPARAMS)
    if flops is None:
        return attempt * 480
    rate = 5e12 if config["finetune"]["gpus"] else 1e11 * config["finetune"]["threads"]
    return attempt * (15 + round(flops / rate / 60))


def fit_group(wildcards):
    """Fits of less than a quarter of an hour share a job, and so a GPU and the server of the fits."""
    return "small_fits" if fit_minutes(wildcards, 1) <= 30 else None


def dataset_metric(wildcards):
    return REGISTRY[dataset_of(wildcards)]["metric"]


def planned_runs():
    """The runs of the configuration, model by model, with the data sets that their patterns choose."""
    return [
        {
            "model": model,
            "method": run["method"],
            "datasets": matching(DATASETS, run["datasets"]),
        }
        for run in config["finetune"]["runs"]
        for model in run["models"]
    ]


def fits():
    """The paths of all fits, one per model, method, data set and seed; a fit that two runs ask for is one."""
    paths = {}
    for run in planned_runs():
        for dataset in run["datasets"]:
            for seed in config["finetune"]["seeds"]:
                paths[f"results/finetune/{run['model']}/{run['method']}/{dataset}/seed{seed}"] = None
    return list(paths)


FITS = fits()


# ---- report --------------------------------------------------------------------------------------


def reported_fits(file):
    """A file of every fit, or of those alone that are there, where the report may do without the rest."""
    paths = [f"{fit}/{file}" for fit in FITS]
    return [path for path in paths if Path(path).is_file()] if config["report"]["missing_fits"] else paths


def tokenizer_statistics(model):
    """The statistics of the tokenizer of a model trained here; none where it came with a model from elsewhere."""
    start = config["pretrain"][model].get("from")
    if start in config["pretrain"]:
        return tokenizer_statistics(start)
    return None if start else f"results/tokenizer/{config['pretrain'][model]['tokenizer']}/stats.json"


def counted_models():
    """Of each fitted model, where its architecture stands, and what tells how many tokens 500 bases are."""
    models = {}
    for name in dict.fromkeys(run["model"] for run in planned_runs()):
        folder = model_directory(name)
        models[name] = {
            "config": f"{folder}/config.json" if folder else None,
            "statistics": tokenizer_statistics(name) if name in config["pretrain"] else None,
            "kmer": config["finetune"]["models"].get(name, {}).get("kmer", 0),
        }
    return models


def counted_files():
    """What there is to read of the counted models; of one from the hub the folder that it is fetched to."""
    for name, model in COUNTED_MODELS.items():
        fetched = "hub" in config["finetune"]["models"].get(name, {})
        yield from filter(None, [model_directory(name) if fetched else model["config"], model["statistics"]])


COUNTED_MODELS = counted_models()

# Models that are trained here and that a run names. Where there are none, no genome is fetched for the page.
TRAINED = [model for model in config["pretrain"] if model in {run["model"] for run in planned_runs()}]


def of_training(*files):
    """Files that tell how models were trained here: none where no run names one."""
    return files if TRAINED else []


# For the record of the run; see PRETRAIN_RUNNING.
os.environ.update(
    RUN=json.dumps(
        {
            "configuration": config,
            "snakemake": snakemake.__version__,
            "software_deployment": sorted(
                method.name.lower() for method in workflow.deployment_settings.deployment_method
            ),
        }
    )
)
