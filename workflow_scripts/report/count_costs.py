"""What each model costs, counted: parameters, FLOPs on 500 bases, time and memory of its fits; the scores beside.

In: the summary of the results, the fits and Snakemake's benchmark files of their jobs, the architecture and tokenizer
of each model, the paper's models.
Out: a table with one row for each run, then one for each model of the paper.

FLOPs are of one forward pass of the encoder over the tokens that the model's own tokenizer makes of 500 bases, as
:mod:`workflow_scripts.common.flops` counts them; relative ones are to the published DNABERT-2. A cell is empty where
something is not known: a baseline has no encoder, and a fit without GPU has no GPU hours.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from workflow_scripts.common.errors import UserError, program
from workflow_scripts.common.files import read_table
from workflow_scripts.common.flops import encoder_flops
from workflow_scripts.report import paper
from workflow_scripts.report.fit_results import Cell, place, planned, read_cell
from workflow_scripts.report.inputs import load
from workflow_scripts.report.tables import write_numbers

BASES = 500
ARCHITECTURE = ("layers", "hidden_size", "intermediate_size", "gated")
COLUMNS = [
    *("model", "method", "parameters", "trainable_share", *ARCHITECTURE, "tokens_500bp", "flops_500bp"),
    *("relative_flops", "relative_flops_quoted", "fits", "seconds_per_fit", "gpu_hours_per_fit", "memory_mb"),
    *("datasets", "mean"),
]


def architecture(config: Mapping[str, Any]) -> dict[str, Any] | None:
    """The sizes in a ``config.json``; ``None`` for a model that is no transformer encoder.

    DNABERT-2 gates its feed-forward layers, here and as published (``bert_layers.py``); BERT and ESM do not.
    """
    try:
        sizes = [config[name] for name in ("num_hidden_layers", "hidden_size", "intermediate_size")]
    except KeyError:
        return None
    gated = config.get("model_type") == "dnabert2" or is_published(config)
    return dict(zip(ARCHITECTURE, [*sizes, "yes" if gated else "no"], strict=True))


def is_published(config: Mapping[str, Any]) -> bool:
    """Whether a configuration names the code of the published DNABERT-2."""
    return any(str(name).startswith("bert_layers.") for name in config.get("auto_map", {}).values())


def tokens(model: Mapping[str, Any], config: Mapping[str, Any], published: float) -> float | None:
    """Tokens of 500 bases with the special ones; ``None`` where nothing says.

    ``model`` may have ``kmer`` (overlapping k-mers) or ``statistics`` (those of a tokenizer trained here). The
    Nucleotide Transformer (ESM) takes 6-mers side by side, the rest base by base, and [CLS]. ``published`` is the
    number for the published DNABERT-2.
    """
    if model.get("kmer"):
        return BASES - model["kmer"] + 1 + 2
    if model.get("statistics"):
        return BASES / load(model["statistics"])["bases_per_token"] + 2
    if config.get("model_type") == "esm":
        return BASES // 6 + BASES % 6 + 1
    return published if is_published(config) else None


def flops(row: Mapping[str, Any]) -> int | None:
    """FLOPs on 500 bases of a row with an architecture and tokens."""
    if row.get("tokens_500bp") is None or row.get("layers") is None:
        return None
    sizes = [int(row[name]) for name in ARCHITECTURE[:3]]
    return round(sum(encoder_flops(float(row["tokens_500bp"]), *sizes, row["gated"] == "yes")))


def paper_rows(models: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
    """The paper's models, counted like ours; what it quotes of them stands beside."""
    rows = []
    for model in models:
        row = {"model": f"{model['model']} in the paper", "parameters": round(1e6 * float(model["parameters_M"]))}
        row |= {name: model[name] for name in (*ARCHITECTURE, "tokens_500bp")}
        row |= {"relative_flops_quoted": model["relative_flops_500bp"], "mean": float(model["average_of_cells"])}
        rows.append(row | {"flops_500bp": flops(row), "datasets": 28})
    return rows


def run_row(
    run: Mapping[str, Any], model: Mapping[str, Any], cells: Sequence[Cell], benchmarks: Path, published: float
) -> dict[str, Any]:
    """One run: ``model`` says where its architecture and tokenizer stand, ``cells`` are its fits."""
    file = Path(model["config"]) if model.get("config") else None
    config = load(file) if file and file.is_file() else {}
    row = {name: run[name] for name in ("model", "method", "parameters", "fits", "datasets", "mean")}
    row |= architecture(config) or {}
    row["tokens_500bp"] = tokens(model, config, published)
    row["flops_500bp"] = flops(row)
    if run["parameters"]:
        row["trainable_share"] = run["trainable_parameters"] / run["parameters"]
    return row | spent(cells, benchmarks)


def spent(cells: Sequence[Cell], benchmarks: Path) -> dict[str, float | None]:
    """Mean seconds and GPU hours of a fit, and the most memory of any, in MB.

    They are those that the fit measured itself, else those of Snakemake's benchmark of its job.
    """
    seconds, hours, memory = [], [], []
    for cell in cells:
        for fit in cell.fits:
            job = benchmark(place(benchmarks, cell.run, cell.dataset, fit["seed"]).with_suffix(".tsv"))
            seconds.append(fit.get("seconds", job.get("s")))
            memory.append(fit.get("memory_mb", job.get("max_rss")))
            hours.append(fit["gpu_seconds"] / 3600 if fit.get("gpu_seconds") else None)
    return {
        "seconds_per_fit": over(np.mean, seconds),
        "gpu_hours_per_fit": over(np.mean, hours),
        "memory_mb": over(np.max, memory),
    }


def over(summary: Any, values: Sequence[float | None]) -> float | None:
    """A summary of the values that are known; ``None`` where none is."""
    known = [value for value in values if value is not None]
    return float(summary(known)) if known else None


def benchmark(path: Path) -> dict[str, float]:
    """Seconds and megabytes that Snakemake measured of a job, means over its repeats; none without the file."""
    if not path.is_file():
        return {}
    rows = read_table(path)
    try:
        return {name: float(np.mean([float(row[name]) for row in rows])) for name in ("s", "max_rss")}
    except (KeyError, ValueError):
        raise UserError(f"{path}: no benchmark with columns s and max_rss; remove the file") from None


def statements(rows: Sequence[Mapping[str, Any]], models: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """What the paper says of costs, what its own table gives, and what is counted here.

    ``rows`` are those of the table, ``models`` those of config/paper_models.tsv, numbers as text.
    """
    quoted = {model["model"]: model for model in models}
    counted = {model: next(row for row in rows if row["model"] == f"{model} in the paper") for model in quoted}
    ours, multi = counted[paper.DNABERT2], counted[paper.NT_MULTI]
    ratios = [float(quoted[name]["relative_flops_500bp"]) for name in paper.KMERS]
    times = [float(counted[name]["relative_flops"]) for name in paper.KMERS]
    implied = float(counted[paper.KMERS[0]]["flops_500bp"]) / ratios[0]
    parameters = [float(quoted[name]["parameters_M"]) for name in (paper.NT_MULTI, paper.DNABERT2)]
    days = gpu_days(quoted[paper.NT_MULTI]) / gpu_days(quoted[paper.DNABERT2])
    peaks = float(quoted[paper.NT_MULTI]["gpu_tflops"]) / float(quoted[paper.DNABERT2]["gpu_tflops"])
    return [
        {
            "paper": "3 times cheaper than DNABERT: FLOPs of a forward pass on 500 bases",
            "quoted": f"{min(ratios):.2f} to {max(ratios):.2f} times",
            "here": f"{min(times):.2f} to {max(times):.2f} times, as the published tokenizer makes "
            f"{float(ours['tokens_500bp']):.0f} tokens; the quoted ratios follow from {tokens_of(implied, ours):.0f}",
        },
        {
            "paper": "19 times cheaper than NT-2500M: the same FLOPs",
            "quoted": f"{float(quoted[paper.NT_MULTI]['relative_flops_500bp']):.2f} times",
            "here": f"{float(multi['relative_flops']):.2f} times, with its {multi['tokens_500bp']} tokens",
        },
        {
            "paper": "21 times fewer parameters than NT-2500M",
            "quoted": f"{parameters[0]:.0f} M / {parameters[1]:.0f} M = {parameters[0] / parameters[1]:.1f}",
            "here": f"{weights(multi) / weights(ours):.1f} times, counting the matrices of the encoders",
        },
        {
            "paper": "92 times less GPU time in pre-training than NT-2500M-multi, whose time is an estimate",
            "quoted": " against ".join(
                f"{quoted[name]['gpus']} GPUs for {quoted[name]['days']} days"
                for name in (paper.DNABERT2, paper.NT_MULTI)
            ),
            "here": f"{days:.1f} times the days of a GPU; {days * peaks:.1f} times by the GPUs' peaks, "
            f"{quoted[paper.NT_MULTI]['gpu_tflops']} and {quoted[paper.DNABERT2]['gpu_tflops']} TFLOPS",
        },
    ]


def gpu_days(model: Mapping[str, str]) -> float:
    """Days of one GPU that the pre-training of a model of the paper took."""
    return float(model["gpus"]) * float(model["days"])


def weights(row: Mapping[str, Any]) -> int:
    """Weights in the matrices of a model's encoder; each is used once for a token."""
    layers, width, inner = (int(row[name]) for name in ARCHITECTURE[:3])
    return layers * (4 * width**2 + (3 if row["gated"] == "yes" else 2) * width * inner)


def tokens_of(total: float, row: Mapping[str, Any]) -> float:
    """The number of tokens over which a model of the table makes ``total`` FLOPs: the root of a quadratic."""
    attention, linear = 4 * int(row["layers"]) * int(row["hidden_size"]), 2 * weights(row)
    return ((linear**2 + 4 * attention * total) ** 0.5 - linear) / (2 * attention)


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--summary", type=Path, required=True, help="summary of the results (gue_summary.json)")
    parser.add_argument("--fits", type=Path, required=True, metavar="FOLDER", help="folder of all fits")
    parser.add_argument(
        "--benchmarks", type=Path, required=True, metavar="FOLDER", help="benchmark files of the fits' jobs"
    )
    parser.add_argument("--planned", required=True, help="JSON list of objects with model, method and datasets")
    parser.add_argument("--seeds", type=int, nargs="+", required=True, help="seeds of the fits")
    parser.add_argument(
        "--models", required=True, help="JSON object: for each model config (path), statistics (path) or kmer (k)"
    )
    parser.add_argument("--paper-models", type=Path, required=True, help="the paper's models (config/paper_models.tsv)")
    parser.add_argument("--out", type=Path, required=True, help="table to write (TSV)")
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    """Write the table."""
    options = build_parser().parse_args(argv)
    models = json.loads(options.models)
    theirs = paper_rows(read_table(options.paper_models))
    reference = next(row for row in theirs if row["model"] == f"{paper.DNABERT2} in the paper")
    published, pairs = float(reference["tokens_500bp"]), planned(options.planned)
    rows = []
    for run in load(options.summary)["runs"]:
        name = run["model"], run["method"]
        datasets = [dataset for owner, dataset in pairs if owner == name]
        cells = [read_cell(options.fits, name, dataset, options.seeds, None) for dataset in datasets]
        rows.append(run_row(run, models[run["model"]], cells, options.benchmarks, published))
    for row in rows + theirs:
        row["relative_flops"] = row["flops_500bp"] / reference["flops_500bp"] if row["flops_500bp"] else None
    write_numbers(options.out, [dict.fromkeys(COLUMNS) | row for row in rows + theirs], COLUMNS)


if __name__ == "__main__":
    sys.exit(main())
