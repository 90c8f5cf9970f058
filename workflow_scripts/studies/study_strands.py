"""Study of strands: whether a model with BPE agrees with itself on reverse complements that it has never seen.

In:  the fits of a model to data sets whose labels hold for both strands, with and without reverse complements among
     the training rows (reverse_complement_share), and the test rows.
Out: ``--out`` (JSON), the verdict with its comparisons; ``--table`` (TSV), for each fit the share of test rows whose
     class differs between the strands, the mean difference of the probabilities, and the score.

The share of rows with another class on the other strand decides, without minus with augmentation: the claim says that
augmentation is not needed, so this should not be above zero. The second comparison is of the scores.
"""

import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from workflow_scripts.common import gpus
from workflow_scripts.common.bootstrap import RESAMPLES, row_counts
from workflow_scripts.common.errors import UserError, program
from workflow_scripts.common.fit_results import dataset_key, fit_folder
from workflow_scripts.common.progress import Progress
from workflow_scripts.inference.encoding import other_strand
from workflow_scripts.inference.predictor import load
from workflow_scripts.studies.claim_result import Claim, Comparison, write_result
from workflow_scripts.studies.fitted_scores import METHOD, mean_row, mean_score, read_fits, score_difference
from workflow_scripts.studies.sequence_rows import read_sequences
from workflow_scripts.studies.study_options import device as device_options
from workflow_scripts.studies.study_options import fits as fit_options
from workflow_scripts.studies.study_options import parser_of

CLAIM = Claim(
    "strands",
    "Does a model with BPE need no reverse complements among its training rows to agree with itself on both strands?",
    "a summary of the paper: BPE needs no augmentation by reverse complements",
)
Disagreement = dict[str, np.ndarray]
"""Of a data set: whether the class differs between the strands, and by how much the probabilities, [seeds, rows]."""


def disagreement(folders: Sequence[Path], texts: Sequence[Any]) -> Disagreement:
    """How the predictions of fits (one for each seed) differ between texts and their reverse complements.

    Raises UserError for a fit that predicts with both strands: it cannot disagree.
    """
    differs, moved = [], []
    for folder in folders:
        predictor = load(folder)
        if predictor.record is None or predictor.record.both_strands:
            raise UserError(f"{folder}: predicts with both_strands, so the strands cannot differ; set it to false")
        here, there = predictor.predict(texts), predictor.predict([other_strand(text) for text in texts])
        if here.probabilities is None or there.probabilities is None:
            raise UserError(f"{folder}: predicts numbers; this study is for classes")
        differs.append(here.prediction != there.prediction)
        moved.append(np.abs(here.probabilities - there.probabilities).sum(axis=1) / 2)
    return {"class": np.array(differs, dtype=float), "probability": np.array(moved)}


def mean_over_rows(values: np.ndarray, seed: int, dataset: str) -> tuple[np.ndarray, np.ndarray]:
    """Means, in percent, of values [seeds, rows]: of the rows [seeds], and of their resamples [seeds, resamples]."""
    rows = values.shape[1]
    weights = np.concatenate(list(row_counts(rows, seed, *dataset_key(dataset), RESAMPLES)))
    return 100 * values.mean(axis=1), 100 * values @ weights.T / rows


def mean_difference(
    first: dict[str, Disagreement], second: dict[str, Disagreement], kind: str, seed: int
) -> dict[str, Any]:
    """Mean over data sets of the disagreement of the first minus the second, with an interval over seeds and rows."""
    parts = [mean_over_rows(first[name][kind] - second[name][kind], seed, name) for name in first]
    return mean_score(parts)


def compare(plain: dict[str, Disagreement], augmented: dict[str, Disagreement], seed: int) -> list[Comparison]:
    """The disagreement of classes and of probabilities, without minus with augmentation."""
    parts = []
    for kind, text in (("class", "test rows with another class"), ("probability", "difference of the probabilities")):
        found = mean_difference(plain, augmented, kind, seed)
        name = f"{text} on the other strand, without minus with augmentation"
        numbers = found["mean"], found["low"], found["high"]
        parts.append(Comparison(name, *numbers, "below", found["over"], "percent"))
    return parts


def build_parser() -> ArgumentParser:
    parser = parser_of(__doc__, fit_options, device_options)
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--plain", required=True, help="the model fitted without reverse complements")
    parser.add_argument("--augmented", required=True, help="the model fitted with them")
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    args = build_parser().parse_args(argv)
    gpus.claim_or_hide(args.gpus)
    models = [args.plain, args.augmented]
    found: dict[str, dict[str, Disagreement]] = {model: {} for model in models}
    with Progress(len(models) * len(args.datasets), "fit", "predicting both strands") as progress:
        for dataset in args.datasets:
            texts, _ = read_sequences(args.data / dataset / "test.csv")
            for model in models:
                run = model, METHOD
                folders = [fit_folder(args.fits, run, dataset_key(dataset), seed) / "model" for seed in args.seeds]
                found[model][dataset] = disagreement(folders, texts)
                progress.step()
    fits = read_fits(args.fits, models, args.datasets, args.seeds, args.seed)
    gain = score_difference(fits[args.plain], fits[args.augmented])
    numbers = gain["mean"], gain["low"], gain["high"]
    score = Comparison("mean score without minus with augmentation", *numbers, "above", gain["over"], "points")
    parts = [*compare(found[args.plain], found[args.augmented], args.seed), score]
    rows = []
    for model in models:
        rows.append(mean_row(model, fits[model]))
        for dataset, kinds in found[model].items():
            for kind, values in kinds.items():
                interval = mean_score([mean_over_rows(values, args.seed, dataset)])
                metric = f"disagreement of the strands, {kind}, percent"
                names = {"model": model, "dataset": dataset, "metric": metric}
                rows.append(names | {name: interval[name] for name in ("mean", "low", "high")})
    setting = {"scale": args.scale, "datasets": args.datasets, "seeds": args.seeds}
    write_result(CLAIM, parts, setting, rows, args.out, args.table)


if __name__ == "__main__":
    sys.exit(main())
