"""Count what each model costs: parameters, FLOPs on 500 bases, and the time and memory of its fits, with its scores.

In: the summary of the results, the fits and Snakemake's benchmark files of their jobs, the architecture and tokenizer
of each model, and the paper's models.
Out: a table with one row for each run, then one for each model of the paper.

FLOPs are those of one forward pass of the encoder over the tokens that the model's tokenizer makes of 500 bases, as
counted by :mod:`workflow_scripts.common.flops`; relative FLOPs are relative to the published DNABERT-2. A cell is empty
if the figure is unknown: a baseline has no encoder, and a fit without a GPU has no GPU hours. The mean score is over
all data sets of all runs: runs that lack one have no mean, nor have the paper's models.
"""

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from workflow_scripts.common.errors import UserError, program
from workflow_scripts.common.files import read_table
from workflow_scripts.common.fit_results import Cell, fit_folder, parse_planned, read_cell
from workflow_scripts.common.flops import encoder_flops
from workflow_scripts.common.json_objects import read_object
from workflow_scripts.report import paper
from workflow_scripts.report.numeric_tables import write_numbers

BASES = 500
SIZES = ("layers", "hidden_size", "intermediate_size")
ARCHITECTURE = (*SIZES, "gated")
COLUMNS = [
    *("model", "method", "parameters", "trainable_share", *ARCHITECTURE, "tokens_500bp", "flops_500bp"),
    *("relative_flops", "relative_flops_quoted", "fits", "seconds_per_fit", "gpu_hours_per_fit", "memory_mb"),
    *("datasets", "mean"),
]


def architecture(config: Mapping[str, Any]) -> dict[str, Any] | None:
    """The sizes in a ``config.json``; ``None`` for a model that is not a transformer encoder.

    The feed-forward layers of DNABERT-2 are gated, here and as published (``bert_layers.py``); those of BERT and ESM
    are not.
    """
    try:
        sizes = [config[name] for name in ("num_hidden_layers", "hidden_size", "intermediate_size")]
    except KeyError:
        return None
    gated = config.get("model_type") == "dnabert2" or is_published(config)
    return dict(zip(ARCHITECTURE, [*sizes, "yes" if gated else "no"], strict=True))


def is_published(config: Mapping[str, Any]) -> bool:
    """Whether a configuration refers to the code of the published DNABERT-2."""
    return any(str(name).startswith("bert_layers.") for name in config.get("auto_map", {}).values())


def tokens_per_500_bases(model: Mapping[str, Any], config: Mapping[str, Any], published: float) -> float | None:
    """Tokens of 500 bases, including special tokens; ``None`` if unknown.

    ``model`` may have ``kmer`` (k of overlapping k-mers) or ``statistics`` (the path of the statistics of a tokenizer
    trained here). The Nucleotide Transformer (ESM) uses non-overlapping 6-mers, single bases for the rest, and [CLS].
    ``published`` is the number for the published DNABERT-2.
    """
    if model.get("kmer"):
        return BASES - model["kmer"] + 1 + 2
    if model.get("statistics"):
        return BASES / read_object(model["statistics"])["bases_per_token"] + 2
    if config.get("model_type") == "esm":
        return BASES // 6 + BASES % 6 + 1
    return published if is_published(config) else None


def flops_per_500_bases(row: Mapping[str, Any]) -> int | None:
    """FLOPs on 500 bases of a row with an architecture and tokens; ``None`` if it lacks one of them."""
    if row.get("tokens_500bp") is None or row.get("layers") is None:
        return None
    layers, width, intermediate = (int(row[name]) for name in SIZES)
    return round(sum(encoder_flops(float(row["tokens_500bp"]), layers, width, intermediate, row["gated"] == "yes")))


def paper_rows(models: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
    """The paper's models, counted in the same way as ours, with the values that the paper quotes."""
    rows = []
    for model in models:
        row: dict[str, Any] = {
            "model": f"{model['model']} in the paper",
            "parameters": round(1e6 * float(model["parameters_M"])),
        }
        row |= {name: model[name] for name in (*ARCHITECTURE, "tokens_500bp")}
        row |= {"relative_flops_quoted": model["relative_flops_500bp"]}
        rows.append(row | {"flops_500bp": flops_per_500_bases(row)})
    return rows


def run_row(
    run: Mapping[str, Any], model: Mapping[str, Any], cells: Sequence[Cell], benchmarks: Path, published: float
) -> dict[str, Any]:
    """The row of a run. ``model`` has the paths of its architecture and tokenizer, ``cells`` are its fits."""
    file = Path(model["config"]) if model.get("config") else None
    config = read_object(file) if file and file.is_file() else {}
    row = {name: run[name] for name in ("model", "method", "parameters", "fits", "datasets", "mean")}
    row |= architecture(config) or {}
    row["tokens_500bp"] = tokens_per_500_bases(model, config, published)
    row["flops_500bp"] = flops_per_500_bases(row)
    if run["parameters"]:
        row["trainable_share"] = run["trainable_parameters"] / run["parameters"]
    return row | measured_costs(cells, benchmarks)


def measured_costs(cells: Sequence[Cell], benchmarks: Path) -> dict[str, float | None]:
    """Mean seconds and GPU hours of a fit, and the largest memory of any fit, in MB.

    Values that a fit measured itself take precedence over those in Snakemake's benchmark of its job.
    """
    seconds, hours, memory = [], [], []
    for cell in cells:
        for fit in cell.fits:
            job = read_benchmark(fit_folder(benchmarks, cell.run, cell.dataset, fit["seed"]).with_suffix(".tsv"))
            seconds.append(fit.get("seconds", job.get("s")))
            memory.append(fit.get("memory_mb", job.get("max_rss")))
            hours.append(fit["gpu_seconds"] / 3600 if fit.get("gpu_seconds") else None)
    return {
        "seconds_per_fit": summarize_known(np.mean, seconds),
        "gpu_hours_per_fit": summarize_known(np.mean, hours),
        "memory_mb": summarize_known(np.max, memory),
    }


def summarize_known(summary: Callable[[list[float]], Any], values: Sequence[float | None]) -> float | None:
    """A summary of the values that are not ``None``; ``None`` if all are."""
    known = [value for value in values if value is not None]
    return float(summary(known)) if known else None


def read_benchmark(path: Path) -> dict[str, float]:
    """Seconds and MB of memory of a job, as means over its repeats; empty without the file."""
    if not path.is_file():
        return {}
    rows = read_table(path)
    try:
        return {name: float(np.mean([float(row[name]) for row in rows])) for name in ("s", "max_rss")}
    except (KeyError, ValueError):
        raise UserError(f"{path}: not a benchmark with columns s and max_rss; remove the file") from None


def cost_claims(rows: Sequence[Mapping[str, Any]], models: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """The paper's claims about costs, with the values from its own table and those counted here.

    ``rows`` are those of the table of costs, ``models`` those of config/paper_models.tsv; numbers are text.
    """
    quoted = {model["model"]: model for model in models}
    counted = {model: next(row for row in rows if row["model"] == f"{model} in the paper") for model in quoted}
    ours, multi = counted[paper.DNABERT2], counted[paper.NT_MULTI]
    ratios = [float(quoted[name]["relative_flops_500bp"]) for name in paper.KMERS]
    counted_ratios = [float(counted[name]["relative_flops"]) for name in paper.KMERS]
    implied = float(counted[paper.KMERS[0]]["flops_500bp"]) / ratios[0]
    parameters = [float(quoted[name]["parameters_M"]) for name in (paper.NT_MULTI, paper.DNABERT2)]
    days = gpu_days(quoted[paper.NT_MULTI]) / gpu_days(quoted[paper.DNABERT2])
    peaks = float(quoted[paper.NT_MULTI]["gpu_tflops"]) / float(quoted[paper.DNABERT2]["gpu_tflops"])
    return [
        {
            "paper": "3 times cheaper than DNABERT: FLOPs of a forward pass on 500 bases",
            "quoted": f"{min(ratios):.2f} to {max(ratios):.2f} times",
            "here": f"{min(counted_ratios):.2f} to {max(counted_ratios):.2f} times, as the published tokenizer makes "
            f"{float(ours['tokens_500bp']):.0f} tokens; the quoted ratios imply {tokens_for_flops(implied, ours):.0f}",
        },
        {
            "paper": "19 times cheaper than NT-2500M: the same FLOPs",
            "quoted": f"{float(quoted[paper.NT_MULTI]['relative_flops_500bp']):.2f} times",
            "here": f"{float(multi['relative_flops']):.2f} times, with its {multi['tokens_500bp']} tokens",
        },
        {
            "paper": "21 times fewer parameters than NT-2500M",
            "quoted": f"{parameters[0]:.0f} M / {parameters[1]:.0f} M = {parameters[0] / parameters[1]:.1f}",
            "here": f"{encoder_weights(multi) / encoder_weights(ours):.1f} times, for the matrices of the encoders",
        },
        {
            "paper": "92 times less GPU time in pre-training than NT-2500M-multi, whose time is an estimate",
            "quoted": " against ".join(
                f"{quoted[name]['gpus']} GPUs for {quoted[name]['days']} days"
                for name in (paper.DNABERT2, paper.NT_MULTI)
            ),
            "here": f"{days:.1f} times the GPU days; {days * peaks:.1f} times with GPUs weighted by peak performance, "
            f"{quoted[paper.NT_MULTI]['gpu_tflops']} and {quoted[paper.DNABERT2]['gpu_tflops']} TFLOPS",
        },
    ]


def gpu_days(model: Mapping[str, str]) -> float:
    """GPU days of pre-training a model of the paper."""
    return float(model["gpus"]) * float(model["days"])


def encoder_weights(row: Mapping[str, Any]) -> int:
    """Weights in the matrices of a model's encoder; each token uses each of them once."""
    layers, width, intermediate = (int(row[name]) for name in SIZES)
    return layers * (4 * width**2 + (3 if row["gated"] == "yes" else 2) * width * intermediate)


def tokens_for_flops(total: float, row: Mapping[str, Any]) -> float:
    """The number of tokens for which a model of the table needs ``total`` FLOPs: the root of a quadratic."""
    attention, linear = 4 * int(row["layers"]) * int(row["hidden_size"]), 2 * encoder_weights(row)
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
    published, pairs = float(reference["tokens_500bp"]), parse_planned(options.planned)
    rows = []
    for run in read_object(options.summary)["runs"]:
        name = run["model"], run["method"]
        datasets = [dataset for planned_run, dataset in pairs if planned_run == name]
        cells = [read_cell(options.fits, name, dataset, options.seeds, None) for dataset in datasets]
        rows.append(run_row(run, models[run["model"]], cells, options.benchmarks, published))
    for row in rows + theirs:
        row["relative_flops"] = row["flops_500bp"] / reference["flops_500bp"] if row["flops_500bp"] else None
    write_numbers(options.out, [dict.fromkeys(COLUMNS) | row for row in rows + theirs], COLUMNS)


if __name__ == "__main__":
    sys.exit(main())
